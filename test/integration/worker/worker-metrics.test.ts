import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { WORKER_METRICS } from "../../../lib/core/metric-names.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { notifyWorkers } from "../../../lib/db/protocol/listen.ts";
import type { WorkerDescription } from "../../../lib/queue/worker/describe.ts";
import { startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";
import { makeHandlersProject } from "../../support/cli/project.ts";

const TIME_OUT_MS = 60_000;
const SOON = { timeout: 50_000, interval: 50 };

it(
  "shows the process and its own jobs by outcome on the metrics port, to the end",
  async () => {
    const s = await createTestDatabase();
    const { db } = s;
    const { url } = await logIn(s, ["worker"]);
    const cwd = await makeHandlersProject(db);
    const worker = startForgeq(["worker", "--concurrency", "7", "--metrics-port", "0", "--json"], {
      cwd,
      env: { DATABASE_URL: url },
    });
    await worker.said(/Worker ready/);
    const [, metricsUrl = ""] = /Metrics on (\S+)/.exec(worker.stderr()) ?? [];
    const page = async () => (await fetch(metricsUrl)).text();
    const sample = async (name: string) =>
      (await page())
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")[1];

    const gate = join(cwd, "gate-");
    const enqueue = async (type: string, payload: object, jobs = 1) => {
      const items = Array.from({ length: jobs }, () => ({ id: uuidV7(), type, payload, maxAttempts: 2 }));
      await enqueueMany(db, items, true, null);
      await notifyWorkers(db, { seconds: 0, queue: "shared" });
    };
    await enqueue("faulty", { act: "work", gate });
    await expect.poll(() => sample("forgeq_worker_jobs"), SOON).toBe("1");
    await enqueue("steady", {}, 5);
    await enqueue("relay", { hops: 1, failures: 1 });
    await enqueue("relay", { hops: 0, failures: 2 });

    const ended = (type: string, outcome: string) =>
      sample(`forgeq_worker_attempts_ended_total{queue="shared",type="${type}",outcome="${outcome}"}`);
    await expect.poll(() => ended("steady", "completed"), SOON).toBe("5");
    await expect.poll(() => ended("relay", "completed"), SOON).toBe("2");
    await expect.poll(() => ended("relay", "dead"), SOON).toBe("1");
    expect(await ended("relay", "retried")).toBe("2");
    const ofRelay = `{queue="shared",type="relay"}`;
    expect(await sample(`forgeq_worker_attempts_started_total${ofRelay}`)).toBe("5");
    expect(await sample(`forgeq_worker_job_run_duration_seconds_count${ofRelay}`)).toBe("5");
    expect(await sample(`forgeq_worker_jobs_enqueued_total${ofRelay}`)).toBe("1");
    expect(await sample("forgeq_worker_concurrency")).toBe("7");
    expect(await sample("forgeq_worker_listening")).toBe("1");
    expect(await sample("forgeq_worker_probes_lost_total")).toBe("0");
    expect(await sample('forgeq_worker_pushes_total{outcome="found"}')).toBe("0");
    expect(Number(await sample("process_resident_memory_bytes"))).toBeGreaterThan(0);
    const families = [...(await page()).matchAll(/^# TYPE (forgeq_\w+) (\w+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    expect(Object.fromEntries(families)).toEqual(
      Object.fromEntries(Object.entries(WORKER_METRICS).map(([name, { type }]) => [name, type])),
    );
    expect((await fetch(new URL("/", metricsUrl))).status).toBe(404);
    if (existsSync("/usr/bin/promtool")) {
      const checking = promisify(execFile)("/usr/bin/promtool", ["check", "metrics"]);
      // Not of ForgeQ's choosing: prom-client's gauges of Node's version and of resources by type.
      checking.child.stdin?.end((await page()).replace(/^.*(nodejs_|process_).*\n/gm, ""));
      expect(await checking).toMatchObject({ stdout: "", stderr: "" });
    }

    worker.child.kill("SIGTERM");
    await worker.said(/finishing jobs jobs=1|"message":"finishing jobs"/);
    expect(await sample("forgeq_worker_jobs")).toBe("1");
    writeFileSync(`${gate}1`, "");
    expect(await worker.ended).toMatchObject({ code: 0, stdout: `{"metrics_url":"${metricsUrl}"}\n` });
  },
  TIME_OUT_MS,
);

it("says that the port is in use, and runs nothing", async () => {
  const { db, url } = await createTestDatabase();
  const cwd = await makeHandlersProject(db);
  const { port } = new URL(url);
  const { code, stderr } = await startForgeq(["worker", "--metrics-port", port], { cwd, env: { DATABASE_URL: url } })
    .ended;
  expect(code).toBe(1);
  expect(stderr).toContain(`can't listen on port ${port}: it is in use: choose another one with --metrics-port`);
});

it(
  "shows its state, what it does next and why: as JSON beside the metrics, and on stderr when it is sent SIGUSR2",
  async () => {
    const s = await createTestDatabase();
    const { db } = s;
    const { url } = await logIn(s, ["worker"]);
    const cwd = await makeHandlersProject(db);
    const worker = startForgeq(
      ["worker", "--concurrency", "1", "--metrics-port", "0", "--queue", "shared", "--queue", "nosuch"],
      { cwd, env: { DATABASE_URL: url } },
    );
    await worker.said(/Worker ready/);
    await worker.said(/Warning: there is no queue nosuch yet/);
    const [, metricsUrl = ""] = /Metrics on (\S+)/.exec(worker.stderr()) ?? [];
    const describe = async () => {
      const answer = await fetch(new URL("/state", metricsUrl));
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
      return (await answer.json()) as WorkerDescription;
    };
    const health = await fetch(new URL("/health", metricsUrl));
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const quiet = { accepting: true, busyJobs: 0, freeSlots: 1, outcomesWaiting: 0, statements: 0, queuesKnown: true };
    await expect.poll(describe, SOON).toMatchObject({ state: quiet, next: null, why: /nobody announced/ });

    const gate = join(cwd, "gate-");
    const item = { id: uuidV7(), type: "faulty", payload: { act: "work", gate }, maxAttempts: 2 };
    await enqueueMany(db, [item], true, null);
    await notifyWorkers(db, { seconds: 0, queue: "shared" });
    await expect.poll(describe, SOON).toMatchObject({
      state: { busyJobs: 1, freeSlots: 0 },
      next: null,
      why: "No slot is free: of 1 slots 1 are busy and 0 reserved for jobs that may come.",
    });

    worker.child.kill("SIGUSR2");
    await worker.said(
      /^Worker state\n( {2}\w+ +\S.*\n)+Next: nothing for now\. No slot is free: of 1 slots 1 are busy/m,
    );
    expect(worker.stderr()).toMatch(/^ {2}busyJobs +1$/m);
    expect(worker.stderr()).toMatch(/^ {2}runnableTypes +\w+, /m);

    writeFileSync(`${gate}1`, "");
    await expect.poll(describe, SOON).toMatchObject({ state: quiet });
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
  },
  TIME_OUT_MS,
);
