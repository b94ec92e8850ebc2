// `npm start`: the local run of this repository, with a Node that can run its sources.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, runWithNode } from "./node-version.js";

const entry = join(root, "lib", "local", "start.ts");
await runWithNode(entry, [], () => import(pathToFileURL(entry).href));
