import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHandler } from "../../functions/api.ts";
import { nodeListener } from "../../lib/http/node-adapter.ts";
import { freePort } from "../../lib/local/postgres.ts";
import { createMetricsPage } from "../../lib/queue/metrics-page.ts";
import { httpDeps } from "../support/http-deps.ts";
import { ALL_SCOPES, SECRET } from "../support/http.ts";
import { setup } from "../support/queue.ts";
import { temporaryFolder } from "../support/start-local.ts";

const run = promisify(execFile);

/** Debian's package; .ci/run installs it and says that it must be there. */
const installed = existsSync("/usr/bin/prometheus") || process.env["FORGEQ_TEST_PROMETHEUS"] === "required";

const startPrometheus = async (target: string) => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const port = await freePort();
  // The shipped rules, in seconds instead of minutes.
  const rules = readFileSync("deploy/prometheus/alerts.yml", "utf8")
    .replace("age_seconds > 300", "age_seconds > 1")
    .replaceAll("for: 1m", "for: 1s");
  writeFileSync(join(folder.path, "alerts.yml"), rules);
  writeFileSync(
    join(folder.path, "prometheus.yml"),
    JSON.stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["alerts.yml"],
      scrape_configs: [
        { job_name: "forgeq", authorization: { credentials: SECRET }, static_configs: [{ targets: [target] }] },
      ],
    }),
  );
  const child = spawn(
    "/usr/bin/prometheus",
    [
      `--config.file=${join(folder.path, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder.path, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const get = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => null);
    return answer === null ? null : ((await answer.json()) as { data: unknown }).data;
  };
  return {
    query: async (expr: string) =>
      (
        (await get(`query?query=${encodeURIComponent(expr)}`)) as {
          result: { metric: object; value: [number, string] }[];
        } | null
      )?.result ?? [],
    firing: async () =>
      (
        (await get("alerts")) as { alerts: { labels: { alertname: string; queue?: string }; state: string }[] } | null
      )?.alerts
        .filter(({ state }) => state === "firing")
        .map(({ labels }) => labels) ?? [],
  };
};

describe.runIf(installed)("a real Prometheus", () => {
  it("takes the page of GET /metrics and the alert rules for well made", async () => {
    const s = await setup({ realClock: true });
    await s.queue.enqueue(3);
    await s.queue.settle(await s.queue.lease(1), "completed");
    const page = await createMetricsPage()(s.deps);
    const checking = run("/usr/bin/promtool", ["check", "metrics"]);
    checking.child.stdin?.end(page);
    expect(await checking).toMatchObject({ stdout: "", stderr: "" });
    expect((await run("/usr/bin/promtool", ["check", "rules", "deploy/prometheus/alerts.yml"])).stdout).toContain(
      "SUCCESS",
    );
  });

  it("scrapes the numbers, and says that a queue is late when nobody dispatches", async () => {
    const s = await setup({ realClock: true });
    await s.queue.enqueue(3);
    await s.queue.settle(await s.queue.lease(3), "completed");
    const api = createHandler({ ...httpDeps(s.db) }, ALL_SCOPES);
    const listener = nodeListener(() => api);
    const server = createServer((request, response) => void listener(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const prometheus = await startPrometheus(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    const poll = { timeout: 40_000, interval: 250 };
    await expect
      .poll(
        async () =>
          (await prometheus.query('forgeq_jobs_finished_total{outcome="completed"}')).map(({ value }) => value[1]),
        poll,
      )
      .toEqual(["3"]);
    expect(await prometheus.firing()).toEqual([]);

    await s.queue.enqueue(1);
    await expect
      .poll(() => prometheus.firing(), poll)
      .toContainEqual(expect.objectContaining({ alertname: "ForgeqQueueLate", queue: "plain", severity: "page" }));
  }, 120_000);
});
