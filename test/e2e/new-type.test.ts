import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../../lib/local/postgres.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { CODE_CACHE } from "../support/code-cache.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

const SOON = { timeout: 120_000, interval: 200 };

/** A copy of this repository with one folder more, and nothing else. */
const project = temporaryFolder();
beforeAll(() => {
  const parts = ["bin", "dashboard", "deploy", "functions", "lib", "migrations"];
  for (const name of [...parts, "esbuild.config.mjs", "package.json", "serverless.yml"])
    cpSync(join(ROOT, name), join(project.path, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(project.path, "node_modules"));
  const folder = join(project.path, "functions", "handlers", "greet");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "job.ts"),
    `import * as z from "zod";
import { defineJob } from "../../../lib/job.ts";
export const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }) });
`,
  );
  writeFileSync(
    join(folder, "handler.ts"),
    `import { lambdaHandler } from "../../../lib/job.ts";
import { greet } from "./job.ts";
export const handler = lambdaHandler(greet, async ({ name }) => ({ greeting: \`Hello \${name}\` }));
`,
  );
});
afterAll(project.remove);

const start = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const child = spawn(process.execPath, args, {
    cwd: project.path,
    env: {
      PATH: process.env["PATH"],
      ...CODE_CACHE,
      HOME: project.path,
      FORGEQ_API_KEY: "a-key-of-20-characters",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    output: () => output,
    ended,
    stop: async () => {
      process.kill(-child.pid!, "SIGINT");
      await ended;
    },
  };
};

const completes = async (origin: string): Promise<void> => {
  const headers = { authorization: "Bearer a-key-of-20-characters", "content-type": "application/json" };
  const body = JSON.stringify({ type: "greet", payload: { name: "Ada" } });
  const created = await fetch(`${origin}/jobs`, { method: "POST", headers, body });
  const { id } = (await created.json()) as { id: string };
  const read = async () => await (await fetch(`${origin}/jobs/${id}`, { headers })).json();
  await expect.poll(read, SOON).toMatchObject({ state: "completed", result: { greeting: "Hello Ada" } });
};

it("a new folder of functions/handlers is a new type for npm start", async () => {
  const port = await freePort();
  const run = start(["lib/local/start.ts"], { PORT: String(port), FORGEQ_DIR: join(project.path, ".start") });
  onTestFinished(run.stop);
  await expect.poll(() => run.output().includes("Ctrl-C stops everything"), SOON).toBe(true);
  await completes(`http://127.0.0.1:${port}`);
});

it("and for forgeq dev", async () => {
  const port = await freePort();
  const args = ["lib/cli/forgeq.ts", "dev", "--port", String(port), "--dir", join(project.path, ".dev")];
  const run = start(args);
  onTestFinished(run.stop);
  await expect.poll(() => /Server ready/.test(run.output()) && /Worker ready/.test(run.output()), SOON).toBe(true);
  await completes(`http://127.0.0.1:${port}`);
});

it("and for npm run package", async () => {
  expect(await start(["esbuild.config.mjs"]).ended).toBe(0);
  const packaged = start(["node_modules/serverless/bin/serverless.js", "package"]);
  expect({ code: await packaged.ended, output: packaged.output() }).toMatchObject({ code: 0 });
  const template = readFileSync(join(project.path, ".serverless", "cloudformation-template-update-stack.json"), "utf8");
  const { Resources } = JSON.parse(template) as { Resources: Record<string, { Properties: unknown }> };
  expect(Resources["HandlerDashgreetLambdaFunction"]?.Properties).toMatchObject({
    FunctionName: "forgeq-dev-handler-greet",
    Timeout: 90,
  });
  expect(Resources).toHaveProperty("HandlerGreetRole");
  expect(JSON.stringify(Resources["DispatcherRole"])).toContain("function:forgeq-dev-handler-greet");
});
