import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../../lib/local/postgres.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { CODE_CACHE } from "../support/code-cache.ts";

vi.setConfig({ testTimeout: 120_000 });

const SOON = { timeout: 60_000, interval: 10 };

const outer = temporaryFolder();
/** A copy of the project, because other tests run the bundles of this one. Its path has what means something else in a URL. */
const project = { path: join(outer.path, "c# 50%20off") };
beforeAll(() => {
  mkdirSync(project.path);
  for (const name of [
    "bin",
    "dashboard",
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
afterAll(outer.remove);

/** `npm start`, in a process group of its own as a terminal has it. */
const start = async (folder: string, env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, ["lib/local/start.ts"], {
    cwd: project.path,
    env: { PATH: process.env["PATH"], ...CODE_CACHE, FORGEQ_DIR: folder, PORT: String(await freePort()), ...env },
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
    /** As a terminal does that is closed. */
    hangUp: async () => {
      child.stdout.destroy();
      child.stderr.destroy();
      child.kill("SIGHUP");
      return await new Promise<number | null>((resolve) => child.once("exit", resolve));
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

it("ends in order when its terminal is closed, and nobody hears what it says", async () => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const started = await start(folder.path);
  await expect.poll(() => existsSync(join(folder.path, "pg", "postmaster.pid")), SOON).toBe(true);
  expect(await started.hangUp()).toBe(0);
  expect(existsSync(join(folder.path, "pg", "postmaster.pid"))).toBe(false);
});

it.each([
  [
    "names the file of the key",
    {},
    (): string => readFileSync(join(project.path, ".forgeq it's", "api-key"), "utf8").trim(),
  ],
  [
    "names the variable of the key",
    { FORGEQ_API_KEY: "a-key-of-20-characters" },
    (): string => "a-key-of-20-characters",
  ],
])("%s and shows no key, in commands that work when they are pasted", async (_, env, key) => {
  const started = await start(join(project.path, ".forgeq it's"), env);
  await expect.poll(() => started.output().includes("Ctrl-C stops everything"), SOON).toBe(true);
  const output = started.output();
  expect(output).not.toContain(key());
  const commands = output.split("\n").filter((line) => line.startsWith("curl "));
  const paste = (command: string) =>
    spawnSync("sh", ["-c", `${command} -s`], {
      cwd: project.path,
      env: { PATH: process.env["PATH"], ...env },
      encoding: "utf8",
    }).stdout;
  expect(commands).toHaveLength(2);
  // Unquoted, zsh would take the question mark for a pattern.
  expect(commands[1]).toContain(`"http://`);
  expect(paste(commands[0]!)).toMatch(/^HTTP\/1\.1 201 /);
  const listed = JSON.parse(paste(commands[1]!)) as { data: { id: string; type: string }[] };
  expect(listed).toHaveProperty("data.0.type", "send_email");
  const [show] = output.split("\n").filter((line) => line.startsWith("npx forgeq jobs show "));
  const shown = spawnSync("sh", ["-c", show!.replace(/ID$/, listed.data[0]!.id)], {
    cwd: project.path,
    encoding: "utf8",
  });
  expect(shown.stdout, shown.stderr).toContain("send_email");
  expect((await started.interrupt()).code).toBe(0);
});
