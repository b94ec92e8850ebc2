import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, it, onTestFinished } from "vitest";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { cpuMs } from "./world/cpu.ts";
import { createEnvironment } from "./world/environment.ts";
import { giveShare } from "./world/quota.ts";
import { type Scene, setup } from "./world/scene.ts";

/** By hand, on a quiet machine: `npm run test:lambda:quota`. */
const QUOTA = process.env["FORGEQ_WORLD"] === "quota";
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

/** What is seen of a process from the end of its init phase on. */
interface Watch {
  begin(pid: number): void;
  /** @param ms - that the invocation took */
  end(pid: number, ms: number): number;
}

/** Milliseconds of processor, which hold on a busy machine. */
const processor = (): Watch => {
  const atInit = new Map<number, number>();
  return {
    begin: (pid) => void atInit.set(pid, cpuMs(pid)),
    end: (pid) => cpuMs(pid) - atInit.get(pid)!,
  };
};

/** Milliseconds of the clock, with the share of a core that Lambda gives. */
const clock = (): Watch => {
  const groups: (() => void)[] = [];
  // Whoever was killed leaves its group a moment later.
  onTestFinished(async () => {
    await sleep(1_000);
    for (const remove of groups) remove();
  });
  return { begin: (pid) => void groups.push(giveShare(pid, SHARE)), end: (_, ms) => ms };
};

const runBare = async (scene: Scene, root: string, watch: Watch): Promise<number> => {
  const [fn] = scene.account.template.functions.values();
  const environment = createEnvironment({
    fn: { ...fn!, handler: ".build/bare/index.handler", variables: {} },
    root,
    variables: {
      DATABASE_URL: scene.urlOf("first").replace("?sslmode=require", ""),
      FORGEQ_DATABASE_CA: inject("prepared").caFile,
    },
    onLog: (line) => console.log(line),
    onInit: (pid) => watch.begin(pid),
  });
  await environment.init();
  const beganAtMs = performance.now();
  expect(await environment.run("bare", {})).toEqual({ result: {} });
  const used = watch.end(environment.pid(), performance.now() - beganAtMs);
  environment.kill();
  return used;
};

/** The medians of some first invocations, in milliseconds. */
const firstRequests = async (watch: Watch): Promise<Record<string, number>> => {
  const scene = await setup();
  const root = await buildBare();
  const used: Record<string, number[]> = { bare: [], enqueue: [], api: [], "handler-send_email": [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const pids = new Map<string, number>();
    const before = scene.invocations.length;
    scene.onInit((key, pid) => {
      pids.set(key, pid);
      if (key in used) watch.begin(pid);
    });
    await scene.enqueue(1);
    await scene.completed(round + 1);
    expect((await scene.request("GET", "/jobs")).status).toBe(200);
    await expect.poll(() => scene.environments("handler-send_email").every((each) => each.isFree())).toBe(true);
    for (const key of ["enqueue", "api", "handler-send_email"]) {
      const { ms } = scene.invocations.slice(before).find((each) => each.key === key && each.cold)!;
      used[key]!.push(watch.end(pids.get(key)!, ms));
      for (const each of scene.environments(key)) each.kill();
    }
    await expect.poll(() => scene.environments("enqueue").length).toBe(0);
    used["bare"]!.push(await runBare(scene, root, watch));
  }
  const medians = Object.fromEntries(Object.entries(used).map(([key, values]) => [key, Math.round(medianOf(values))]));
  console.log(medians);
  return medians;
};

const expectFew = (medians: Record<string, number>, most: number): void => {
  for (const [key, ms] of Object.entries(medians))
    expect({ key, ms, isFew: ms <= Math.max(most, medians["bare"]! * 1.1) }).toEqual({ key, ms, isFew: true });
};

it.skipIf(QUOTA)("answers its first request with little more processor than a connection to Postgres needs", async () =>
  expectFew(await firstRequests(processor()), FIRST_REQUEST_MS * SHARE),
);

it.runIf(QUOTA)("answers its first request in 0.6 s at a seventh of a core", async () =>
  expectFew(await firstRequests(clock()), FIRST_REQUEST_MS),
);
