#!/usr/bin/env node
// What npm links as `forgeq`: it finds a Node that can run the rest (this one, or the one that comes with the packages) and what to
// run: the TypeScript sources in a clone, dist in the package.
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { compileCacheFolder } from "./compile-cache.js";
import { root, runWithNode } from "./node-version.js";

const source = join(root, "lib", "cli", "forgeq.ts");
const entry = existsSync(source) ? source : join(root, "dist", "lib", "cli", "forgeq.js");

const cache = compileCacheFolder();
// For the processes that this one starts, too.
if (cache !== undefined) process.env.NODE_COMPILE_CACHE ??= cache;
await runWithNode(entry, process.argv.slice(2), () => {
  if (cache !== undefined) nodeModule.enableCompileCache?.(cache);
  return import(pathToFileURL(entry).href);
});
