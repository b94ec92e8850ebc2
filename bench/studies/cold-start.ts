import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { median } from "../rounds.ts";
import type { Study } from "../study.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const TIMES = 21;

const PROBE = `const t = performance.now(); await import(process.argv[1]); process.stdout.write(String(performance.now() - t));`;

/** Milliseconds from import to ready, in a process of its own. */
const importMs = (file: string): number =>
  Number(
    execFileSync(process.execPath, ["--input-type=module", "-e", PROBE, `file://${file}`], {
      encoding: "utf8",
      env: { ...process.env, AWS_REGION: "eu-central-1", DATABASE_URL: "postgres://127.0.0.1:1/none" },
    }),
  );

const bytesOf = (folder: string): number =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".mjs"))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

/** Init of each function in fresh processes, and of the enqueue function written with the AWS SDK and unbundled zod. */
export const coldStart: Study = async (_, say) => {
  execFileSync("npm", ["run", "-s", "build"], { cwd: ROOT, stdio: "ignore" });
  const withSdk = join(ROOT, "bench", "node_modules", ".enqueue-aws-sdk.mjs");
  await build({
    entryPoints: [join(ROOT, "bench", "cold-start", "enqueue-aws-sdk.ts")],
    outfile: withSdk,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    external: ["@aws-sdk/*", "zod", "pg", "pg-native", "@middy/core"],
    logLevel: "error",
  });
  const names = readdirSync(join(ROOT, ".build"));
  const files = new Map([
    ...names.map((name) => [name, join(ROOT, ".build", name, "index.mjs")] as const),
    ["enqueue with the AWS SDK and unbundled zod", withSdk] as const,
  ]);
  const found = new Map([...files.keys()].map((name) => [name, [] as number[]]));
  for (let n = 0; n < TIMES; n += 1) for (const [name, file] of files) found.get(name)?.push(importMs(file));
  const initMs = Object.fromEntries([...found].map(([name, list]) => [name, Math.round(median(list) * 10) / 10]));
  const ratios = (found.get("enqueue") ?? []).map(
    (ms, n) => ms / (found.get("enqueue with the AWS SDK and unbundled zod")?.[n] ?? NaN),
  );
  say(JSON.stringify(initMs));
  return {
    initMs,
    bundleBytes: Object.fromEntries(names.map((name) => [name, bytesOf(join(ROOT, ".build", name))])),
    enqueueOverAwsSdk: Math.round(median(ratios) * 100) / 100,
    must: 0.6,
  };
};
