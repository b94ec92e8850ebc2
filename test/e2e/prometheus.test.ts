import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { freePort } from "../../lib/local/postgres.ts";
import { createMetricsPage } from "../../lib/queue/observe/metrics-page.ts";
import { startForgeq } from "../support/cli/cli.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { logIn } from "../support/database/roles.ts";
import { SECRET } from "../support/http/http.ts";
import { makeHandlersProject, startServer } from "../support/cli/project.ts";
import { setup } from "../support/queue.ts";
import { startLocal, temporaryFolder } from "../support/cli/start-local.ts";

const run = promisify(execFile);

/** Debian's package; .ci/run installs it and says that it must be there. */
const installed = existsSync("/usr/bin/prometheus") || process.env["FORGEQ_TEST_PROMETHEUS"] === "required";

const SOON = { timeout: 40_000, interval: 250 };

/** @param targets - of its jobs, by name */
const startPrometheus = async (targets: Readonly<Record<string, string>>, credentials = SECRET) => {
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
      scrape_configs: Object.entries(targets).map(([name, target]) => ({
        job_name: name,
        authorization: { credentials },
        static_configs: [{ targets: [target] }],
      })),
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

  it("scrapes server and worker, and says that a queue is late once nobody runs its jobs", async () => {
    const s = await createTestDatabase();
    const { db } = s;
    const cwd = await makeHandlersProject(db);
    const server = await startServer(cwd, { DATABASE_URL: (await logIn(s, ["enqueue", "manage"])).url });
    const env = { DATABASE_URL: (await logIn(s, ["worker"])).url };
    const worker = startForgeq(["worker", "--metrics-port", "0"], { cwd, env });
    await worker.said(/Worker ready/);
    const [, metricsUrl = ""] = /Metrics on (\S+)/.exec(worker.stderr()) ?? [];
    const steady = { type: "steady", payload: {} };
    expect((await server.post("/jobs/batch", { jobs: [steady, steady, steady] })).status).toBe(201);
    const finished = () => db.query("select from forgeq.job_history");
    await expect.poll(async () => (await finished()).length, SOON).toBe(3);

    const prometheus = await startPrometheus({
      forgeq: new URL(server.origin).host,
      worker: new URL(metricsUrl).host,
    });
    const values = async (query: string) => (await prometheus.query(query)).map(({ value }) => value[1]);
    await expect.poll(() => values('forgeq_jobs_finished_total{outcome="completed"}'), SOON).toEqual(["3"]);
    await expect.poll(() => values('forgeq_worker_attempts_ended_total{outcome="completed"}'), SOON).toEqual(["3"]);
    expect(await values('up{job="forgeq"}')).toEqual(["1"]);
    expect(await prometheus.firing()).toEqual([]);

    worker.child.kill("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect((await server.post("/jobs", steady)).status).toBe(201);
    await expect
      .poll(() => prometheus.firing(), SOON)
      .toContainEqual(expect.objectContaining({ alertname: "ForgeqQueueLate", queue: "shared", severity: "page" }));
  }, 120_000);

  it("scrapes the local run, and says that a queue is late once its dispatcher is stopped", async () => {
    const { url } = await createTestDatabase();
    const folder = temporaryFolder();
    onTestFinished(folder.remove);
    let stopped = false;
    // Armed, because the other mode's schedules start a dispatcher that no fault reaches.
    const local = await startLocal({
      folder: folder.path,
      env: { DATABASE_URL: url, FORGEQ_WAKE: "armed" },
      faults: (name) => (stopped && name.endsWith("-dispatcher") ? { drop: true } : undefined),
    });
    onTestFinished(() => local.stop());
    await local.api.inState(await local.api.enqueue("send_email", { email: "test@example.com" }), "completed");
    const prometheus = await startPrometheus({ forgeq: new URL(local.url).host }, local.apiKey);
    await expect
      .poll(() => prometheus.query('forgeq_jobs_finished_total{type="send_email",outcome="completed"}'), SOON)
      .toMatchObject([{ value: [expect.any(Number), "1"] }]);
    expect(await prometheus.firing()).toEqual([]);

    stopped = true;
    await local.api.enqueue("send_email", { email: "test@example.com" });
    await expect
      .poll(() => prometheus.firing(), SOON)
      .toContainEqual(expect.objectContaining({ alertname: "ForgeqQueueLate", queue: "emails" }));
  }, 120_000);
});
