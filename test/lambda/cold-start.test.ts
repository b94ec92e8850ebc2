import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it, onTestFinished } from "vitest";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { cpuMs } from "./world/cpu.ts";
import { createEnvironment } from "./world/environment.ts";
import { type Scene, setup } from "./world/scene.ts";

const ROUNDS = 5;
/** What Lambda gives to 256 MB, of a core: 1,769 MB have one. */
const SHARE = 256 / 1769;
const FIRST_REQUEST_MS = 600;

/** pg, TLS and SCRAM, and nothing else. */
const BARE = `import pg from "pg";
import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates } from "node:tls";
const ca = [...rootCertificates, readFileSync(process.env.FORGEQ_DATABASE_CA, "utf8")];
const secureContext = createSecureContext({ ca });
export const handler = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL, ssl: { secureContext } });
  await client.connect();
  await client.query("select 1");
  return {};
};
`;

const buildBare = async (): Promise<string> => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  // Beside the project's modules, which it imports.
  const source = temporaryFolder();
  onTestFinished(source.remove);
  const entry = join(source.path, "bare.mjs");
  writeFileSync(entry, BARE.replace('"pg"', JSON.stringify(join(ROOT, "node_modules/pg/esm/index.mjs"))));
  const { buildOne } = (await import(new URL("../../esbuild.config.mjs", import.meta.url).href)) as {
    buildOne: (input: { name: string; entry: string; outdir: string }) => Promise<string>;
  };
  mkdirSync(join(folder.path, ".build"));
  await buildOne({ name: "bare", entry, outdir: join(folder.path, ".build") });
  return folder.path;
};

const medianOf = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Milliseconds of processor of the first invocation. */
const bareMs = async (scene: Scene, root: string): Promise<number> => {
  let atInit = 0;
  const [fn] = scene.account.template.functions.values();
  const environment = createEnvironment({
    fn: { ...fn!, handler: ".build/bare/index.handler", variables: {} },
    root,
    variables: {
      DATABASE_URL: scene.urlOf("first").replace("?sslmode=require", ""),
      FORGEQ_DATABASE_CA: inject("prepared").caFile,
    },
    onLog: (line) => console.log(line),
    onInit: (pid) => (atInit = cpuMs(pid)),
  });
  await environment.init();
  expect(await environment.run("bare", {})).toEqual({ result: {} });
  const used = cpuMs(environment.pid()) - atInit;
  environment.kill();
  return used;
};

it("answers its first request with little more processor than a connection to Postgres needs", async () => {
  const scene = await setup();
  const root = await buildBare();
  const used: Record<string, number[]> = { bare: [], enqueue: [], api: [], "handler-send_email": [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const atInit = new Map<string, readonly [number, number]>();
    scene.onInit((key, pid) => atInit.set(key, [pid, cpuMs(pid)]));
    await scene.enqueue(1);
    await scene.completed(round + 1);
    expect((await scene.request("GET", "/jobs")).status).toBe(200);
    await expect.poll(() => scene.environments("handler-send_email").every((each) => each.isFree())).toBe(true);
    for (const key of ["enqueue", "api", "handler-send_email"]) {
      const [pid, before] = atInit.get(key)!;
      used[key]!.push(cpuMs(pid) - before);
      for (const each of scene.environments(key)) each.kill();
    }
    await expect.poll(() => scene.environments("enqueue").length).toBe(0);
    used["bare"]!.push(await bareMs(scene, root));
  }
  const medians = Object.fromEntries(Object.entries(used).map(([key, values]) => [key, Math.round(medianOf(values))]));
  console.log(medians);
  const most = Math.max(FIRST_REQUEST_MS * SHARE, medians["bare"]! * 1.1);
  for (const [key, ms] of Object.entries(medians))
    expect({ key, ms, isFew: ms <= most }).toEqual({ key, ms, isFew: true });
});
