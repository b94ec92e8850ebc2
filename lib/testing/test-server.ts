import { spawn } from "node:child_process";
import { extname, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { findBinaries } from "../local/postgres-binaries.ts";

/** Below the folder in which the tests run. */
const FOLDER = ".forgeq/test";

interface Line {
  readonly url?: string;
  readonly error?: string;
}

/** Starts the process that holds the server, which lives on until this one is gone. */
const hold = async (): Promise<string> => {
  findBinaries(undefined, "give testQueue the databaseUrl of a server");
  const here = fileURLToPath(import.meta.url);
  const holder = resolve(here, "..", `hold-postgres${extname(here)}`);
  // A process group of its own: Ctrl-C ends the tests, and with them the holder.
  const child = spawn(process.execPath, [holder, resolve(FOLDER)], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const lines = createInterface({ input: child.stdout });
  const [line = "{}"] = await Promise.race([
    new Promise<[string]>((said) => lines.once("line", (text: string) => said([text]))),
    new Promise<[]>((ended) => child.once("exit", () => ended([]))),
  ]);
  const { url, error = "it ended" } = JSON.parse(line) as Line;
  if (url === undefined) throw new Error(`the Postgres of the tests did not start: ${error}`);
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref(): void }).unref();
  return url;
};

let held: Promise<string> | undefined;

/** The URL of the embedded Postgres of the tests, which all test processes of a folder share; the first one starts it. */
export const testServer = (): Promise<string> =>
  (held ??= hold().catch((error: unknown) => {
    held = undefined;
    throw error;
  }));
