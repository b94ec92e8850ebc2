import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { ROOT, temporaryFolder } from "../support/start-local.ts";

interface Size {
  readonly name: string;
  readonly loaded: number;
  readonly total: number;
}

interface BuildConfig {
  readonly build: (options: { outdir: string }) => Promise<{ readonly sizes: readonly Size[] }>;
  readonly describeSizes: (sizes: readonly Size[]) => { readonly table: string; readonly problem: string | null };
}

it("prints what each function loads at init and in all, and fails when enqueue's init is above 300 KB", async () => {
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

  const larger = sizes.map((size) => (size.name === "enqueue" ? { ...size, loaded: 300 * 1024 + 103 } : size));
  expect(describeSizes(larger).problem).toBe("enqueue loads 300.1 KB at init; at most 300.0 KB are allowed");
});
