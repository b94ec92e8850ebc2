import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import { jobs } from "../../functions/registry.ts";
import { enqueueBody } from "../../lib/http/job-body.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";

interface Size {
  readonly name: string;
  readonly loaded: number;
  readonly total: number;
}

/** Kilobytes. */
interface Budget {
  readonly init: number;
  readonly all: number;
}

interface BuildConfig {
  readonly build: (options: { outdir: string }) => Promise<{ readonly sizes: readonly Size[] }>;
  readonly buildOne: (input: { name: string; entry: string; outdir: string }) => Promise<string>;
  readonly describeSizes: (
    sizes: readonly Size[],
    budgets?: Readonly<Record<string, Budget>>,
  ) => { readonly table: string; readonly problem: string | null };
}

it("prints what each function loads at init and in all, and fails when one is above its budget", async () => {
  const { build, describeSizes } = (await import(join(ROOT, "esbuild.config.mjs"))) as BuildConfig;
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const { sizes } = await build({ outdir: folder.path });
  const names = [
    "enqueue",
    "api",
    "dispatcher",
    "scheduler",
    "failed-invocation",
    ...jobs.map(({ type }) => `handler-${type}`),
  ];
  const { table, problem } = describeSizes(sizes);
  expect(problem).toBeNull();
  const printed = [...table.matchAll(/^([a-z_-]+) +([\d.]+) KB +([\d.]+) KB$/gm)];
  expect(printed.map(([, name]) => name).sort()).toEqual(names.sort());
  for (const { loaded, total } of sizes) expect(total).toBeGreaterThanOrEqual(loaded);
  expect(sizes.find(({ name }) => name === "enqueue")?.loaded).toBeGreaterThan(20_000);

  // An application brings its own OpenTelemetry, or has none.
  const maps = readdirSync(folder.path, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".map"));
  const sources = maps.flatMap(
    (file) => (JSON.parse(readFileSync(join(folder.path, file), "utf8")) as { sources: string[] }).sources,
  );
  expect(sources.filter((source) => source.endsWith("lib/tracing.ts"))).not.toEqual([]);
  expect(sources.filter((source) => source.includes("@opentelemetry"))).toEqual([]);

  const larger = sizes.map((size) => (size.name === "api" ? { ...size, total: 600 * 1024 + 103 } : size));
  expect(describeSizes(larger, { api: { init: 300, all: 600 } }).problem).toMatch(
    /^api has in all 600\.1 KB; at most 600 KB are allowed\n/,
  );

  // A function that has become smaller keeps what it won.
  const budgets = JSON.parse(readFileSync(join(ROOT, "deploy", "bundle-budget.json"), "utf8")) as Record<
    string,
    Budget
  >;
  expect(Object.keys(budgets).sort()).toEqual(names.sort());
  for (const { name, loaded, total } of sizes) {
    expect(loaded / 1024, name).toBeGreaterThan(budgets[name]!.init * 0.9);
    expect(total / 1024, name).toBeGreaterThan(budgets[name]!.all * 0.9);
  }
});

it("makes JSON Schema in a bundle as it does elsewhere, by a file that the first call loads", async () => {
  const { buildOne } = (await import(join(ROOT, "esbuild.config.mjs"))) as BuildConfig;
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const entry = join(folder.path, "entry.ts");
  writeFileSync(
    entry,
    `import { enqueueBody } from ${JSON.stringify(join(ROOT, "lib/http/job-body.ts"))};
import { schemaOf } from ${JSON.stringify(join(ROOT, "lib/http/openapi-jobs.ts"))};
export const handler = (params) => ({
  method: enqueueBody.toJSONSchema(params),
  standard: enqueueBody["~standard"].jsonSchema.input({ target: "draft-2020-12", libraryOptions: params }),
  called: schemaOf(enqueueBody, "input"),
});`,
  );
  const bundle = await buildOne({ name: "schemas", entry, outdir: folder.path });
  const { handler } = (await import(pathToFileURL(bundle).href)) as {
    handler: (params: object) => Record<string, object>;
  };
  const params = { io: "input", unrepresentable: "any" } as const;
  const expected = z.toJSONSchema(enqueueBody, params);
  const { $schema: _, ...plain } = expected;
  expect(handler(params)).toEqual({ method: expected, standard: expected, called: plain });
  // A schema that was moved into the bundle again would make every function larger at its start.
  const files = readdirSync(join(folder.path, "schemas")).filter((file) => file.endsWith(".mjs"));
  const converting = files.filter((file) =>
    readFileSync(join(folder.path, "schemas", file), "utf8").includes("cannot be represented in JSON Schema"),
  );
  expect(converting).toEqual([expect.stringMatching(/^json-schema-[\d.]+\.mjs$/)]);
});
