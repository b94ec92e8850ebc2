import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocalRun } from "../../../lib/local/local-run.ts";
import type { LocalRunOptions } from "../../../lib/local/local-run.ts";
import { freePort } from "../../../lib/local/postgres.ts";
import { apiOf } from "../http/local-api.ts";
import { CODE_CACHE } from "../code-cache.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

export const temporaryFolder = (): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), "forgeq-e2e-"));
  // For root's Postgres, which runs as another user.
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
};

/**
 * The real local run, with the bundles that the global setup built.
 *
 * @param options.folder - for its data; another run with the same one finds the jobs of this one
 * @param options.env - without DATABASE_URL it starts the embedded Postgres
 */
export const startLocal = async (
  options: Pick<LocalRunOptions, "folder" | "env"> & Partial<Pick<LocalRunOptions, "faults" | "port">>,
) => {
  const log: string[] = [];
  const run = await startLocalRun({
    root: ROOT,
    port: await freePort(),
    build: "none",
    onLog: (source, line) => log.push(`${source}: ${line}`),
    onFatal: (message) => log.push(`fatal: ${message}`),
    ...options,
    env: { PATH: process.env["PATH"], ...CODE_CACHE, ...options.env },
  });
  return { ...run, api: apiOf(run), log };
};
