#!/usr/bin/env node
// What npm links as `forgeq`. Plain JavaScript that any Node 18 or newer runs: it finds a Node that can run the rest (this one, or
// the one that comes with the packages) and what to run: the TypeScript sources in a clone, dist in the package.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compileCacheFolder } from "./compile-cache.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "lib", "cli", "forgeq.ts");
const entry = existsSync(source) ? source : join(root, "dist", "lib", "cli", "forgeq.js");

/** Is this Node new enough? It must strip types, for the sources and for the project's handlers. */
const isNewEnough = () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 22 || (major === 22 && minor >= 18);
};

/** The Node that npm installed, here or in the project whose package this is. */
const packagedNode = () => {
  const name = process.platform === "win32" ? "node.cmd" : "node";
  for (let at = root; ; at = dirname(at)) {
    const found = join(at, "node_modules", ".bin", name);
    if (existsSync(found)) return found;
    if (dirname(at) === at) return undefined;
  }
};

/** Runs the command in a process of its own. The channel tells it when this one is gone, however it went. */
const runIn = (node) => {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`forgeq: ${node} can't be run (${error.message})`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

const cache = compileCacheFolder();
// For the processes that this one starts, too.
if (cache !== undefined) process.env.NODE_COMPILE_CACHE ??= cache;
if (isNewEnough()) {
  if (cache !== undefined) nodeModule.enableCompileCache?.(cache);
  await import(pathToFileURL(entry).href);
} else {
  const node = packagedNode();
  if (node === undefined) {
    console.error(`forgeq: needs Node 22.18 or newer, and this is ${process.versions.node}`);
    process.exit(1);
  }
  runIn(node);
}
