import { spawn } from "node:child_process";
import { cpSync, existsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../../lib/local/postgres.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";

vi.setConfig({ testTimeout: 120_000 });

const SOON = { timeout: 60_000, interval: 10 };

/** A copy of the project: other tests run the bundles of this one. */
const project = temporaryFolder();
beforeAll(() => {
  for (const name of [
    "deploy",
    "functions",
    "lib",
    "migrations",
    "esbuild.config.mjs",
    "package.json",
    "serverless.yml",
  ])
    cpSync(join(ROOT, name), join(project.path, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(project.path, "node_modules"));
});
afterAll(project.remove);

/** `npm start`, in a process group of its own as a terminal has it. */
const start = async (folder: string) => {
  const child = spawn(process.execPath, ["lib/local/start.ts"], {
    cwd: project.path,
    env: { PATH: process.env["PATH"], FORGEQ_DIR: folder, PORT: String(await freePort()) },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    output: () => output,
    /** Ctrl-C, which goes to the whole group. */
    interrupt: async () => {
      process.kill(-child.pid!, "SIGINT");
      return { code: await ended, output };
    },
  };
};

it.each([
  ["makes its database", (folder: string) => existsSync(join(folder, "pg", "PG_VERSION"))],
  ["waits for what it has started", (folder: string) => existsSync(join(folder, "pg", "postmaster.pid"))],
  ["runs", (_folder: string, output: string) => output.includes("Ctrl-C stops everything")],
])("ends without a complaint, and leaves nothing behind, by a Ctrl-C while it %s", async (_, is) => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const started = await start(folder.path);
  await expect.poll(() => is(folder.path, started.output()), SOON).toBe(true);

  const { code, output } = await started.interrupt();

  expect(output).toMatch(/Stopping \.\.\.\n$/);
  expect(code).toBe(0);
  expect(existsSync(join(folder.path, "pg", "postmaster.pid"))).toBe(false);
});
