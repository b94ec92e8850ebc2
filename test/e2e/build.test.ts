import { join } from "node:path";
import { expect, it } from "vitest";
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
  const { sizes } = await build({ outdir: folder.path }).finally(folder.remove);
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

  const larger = sizes.map((size) => (size.name === "enqueue" ? { ...size, loaded: 300 * 1024 + 103 } : size));
  expect(describeSizes(larger).problem).toBe("enqueue loads 300.1 KB at init; at most 300.0 KB are allowed");
});
