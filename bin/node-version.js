// Which Node can run ForgeQ: one that strips types, for the sources of a clone and for the job types of a project. Plain JavaScript
// that any Node 18 or newer runs.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The oldest one, as package.json says. */
const oldest = () => {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return engines.node.replace(">=", "");
};

const isNewEnough = () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [leastMajor, leastMinor] = oldest().split(".").map(Number);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
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

/** Runs a file in a process of its own. The channel tells it when this one is gone, however it went. */
const runIn = (node, file, args) => {
  const child = spawn(node, [file, ...args], { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`forgeq: ${node} can't be run (${error.message})`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
};

/** Runs `here` when this Node can; else the file with the Node that comes with the packages; else says what is needed and exits 2. */
export const runWithNode = async (file, args, here) => {
  if (isNewEnough()) return here();
  const node = packagedNode();
  if (node !== undefined) return runIn(node, file, args);
  console.error(`forgeq: needs Node ${oldest()} or newer, and this is ${process.versions.node}`);
  process.exit(2);
};
