import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { freePort } from "../../../lib/local/postgres.ts";
import { ROOT, temporaryFolder } from "./start-local.ts";
import { CODE_CACHE } from "../code-cache.ts";

/** serverless-offline alone, with the functions in its process, until the test ends. */
export const startOffline = async (
  databaseUrl: string,
  apiKey: string,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
) => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const [httpPort, lambdaPort] = [await freePort(), await freePort()];
  const args = ["offline", "--httpPort", String(httpPort), "--lambdaPort", String(lambdaPort), ...flags];
  const child = spawn(process.execPath, [join(ROOT, "node_modules/serverless/bin/serverless.js"), ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"] ?? "",
      ...CODE_CACHE,
      DATABASE_URL: databaseUrl,
      FORGEQ_API_KEY: apiKey,
      FORGEQ_LAMBDA_ENDPOINT: `http://127.0.0.1:${lambdaPort}`,
      FORGEQ_REPORTS: folder.path,
      ...env,
    },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const url = `http://127.0.0.1:${httpPort}`;
  await expect.poll(() => fetch(`${url}/health`).then(({ ok }) => ok, () => false), { timeout: 60_000 }).toBe(true); // prettier-ignore
  return { url, httpPort, lambdaPort };
};
