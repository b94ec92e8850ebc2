// `npm start`: the local run of this repository, with a Node that can run its sources.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, runWithNode } from "./node-version.js";

const USAGE = `usage: npm start

Starts Postgres, the API, a worker and a mailbox on this machine. It takes no options, but environment variables such as PORT and FORGEQ_DIR:
see docs/reference/settings.md.`;

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const asked = argument === "--help" || argument === "-h";
  console[asked ? "log" : "error"](asked ? USAGE : `npm start does not take ${argument}\n${USAGE}`);
  process.exit(asked ? 0 : 2);
}

const entry = join(root, "lib", "local", "start.ts");
await runWithNode(entry, [], () => import(pathToFileURL(entry).href));
