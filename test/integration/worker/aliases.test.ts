import { describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import { examine } from "../../../lib/cli/checks.ts";
import { byName, namesOf } from "../../../lib/core/aliases.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { createApi } from "../../../lib/functions/create-api.ts";
import { createEnqueue } from "../../../lib/functions/create-enqueue.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { runInvocation } from "../../../lib/queue/lambda/run-invocation.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { retryJob } from "../../../lib/queue/manage/retry-job.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { createWorker, type WorkerOptions } from "../../../lib/queue/worker/worker.ts";
import { readConfig } from "../../../lib/runtime.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";
import { until } from "../../support/worker/worker.ts";

const payload = z.object({ to: z.string() });
/** Of the code before the type was renamed. */
const old = defineJob({ type: "send_mail", queue: "mails", payload, retry: { maxAttempts: 1 } });
const renamed = defineJob({
  type: "send_email",
  aliases: ["send_mail"],
  payload: payload.extend({ cc: z.string().default("") }),
});

/** Jobs that the code before has stored; then the deploy of the new code. */
const deployed = async (realClock = true) => {
  const s = await setup({ jobs: [old], queues: [], realClock });
  const of = (to: string) => ({ type: "send_mail", payload: { to } });
  const [waiting, keyed, later] = (
    await enqueueJobs(s.deps, [of("a"), { ...of("b"), uniqueKey: "k" }, { ...of("c"), delaySeconds: 0.2 }])
  ).map(({ job }) => job.id);
  await syncDefinitions(s.db, [renamed], [], s.deps.clock());
  const ran: unknown[] = [];
  const work: Work<typeof renamed.payload> = (given, job) => {
    ran.push([given.to, given.cc]);
    return Promise.resolve(job.maxAttempts);
  };
  const start = (more: Partial<WorkerOptions> = {}) => {
    const handlers = byName([{ definition: renamed, work: work }]);
    const worker = createWorker(s.deps, { handlers, concurrency: 10, queues: null, invocation: "test:1", ...more });
    onTestFinished(async () => void (await worker.stop(0)));
    return worker;
  };
  return { ...s, ran, work, start, waiting: waiting!, keyed: keyed!, later: later! };
};

describe("jobs that were stored under the old name", () => {
  it("run in the new handler of a worker, what falls due later and what is retried by hand too", async () => {
    const { start, queue, ran, deps, waiting, keyed, later } = await deployed();
    start();
    await until(() => ran.length === 3);
    expect(ran.toSorted()).toEqual([
      ["a", ""],
      ["b", ""],
      ["c", ""],
    ]);
    for (const id of [waiting, keyed, later]) {
      await until(async () => (await queue.state(id)) === "completed");
      expect(await queue.get(id)).toMatchObject({ type: "send_mail", queue: "mails", result: 1 });
    }
    await retryJob(deps, waiting, { life: 1 });
    await until(() => ran.length === 4);
  });

  it("are no orphans to doctor, and go to the function of the new name", async () => {
    const { url, deps, ran, work, queue, waiting, later } = await deployed(false);
    const types = async (names: readonly string[]) =>
      (await examine({ url }, names, "always")).find(({ check }) => check === "types");
    expect(await types(["send_email"])).toMatchObject({
      level: "warning",
      found: expect.stringContaining("send_mail") as string,
    });
    expect(await types(namesOf(renamed))).toMatchObject({ level: "ok" });

    await cancelJob(deps, later);
    const invoked: string[] = [];
    const service: Deps = {
      ...deps,
      sleep: () => Promise.resolve(),
      config: {
        ...deps.config,
        handlerFunction: (type) => (type === "send_mail" ? "forgeq-test-handler-send_email" : "none"),
      },
      invoker: {
        invoke: async (name, event) => {
          invoked.push(name);
          const input = {
            leaseId: (event as { lease_id: string }).lease_id,
            invocation: "i",
            remainingMs: () => 60_000,
          };
          if (name.includes("handler")) await runInvocation(service, renamed, work, input);
          return { outcome: "accepted" };
        },
      },
    };
    await dispatch(service, {}, () => 25_000);
    expect(new Set(invoked.filter((name) => name.includes("handler")))).toEqual(
      new Set(["forgeq-test-handler-send_email"]),
    );
    expect(ran.length).toBeGreaterThanOrEqual(2);
    expect(await queue.state(waiting)).toBe("completed");
  });

  it("are run by an invocation in drain mode, which goes on with both names", async () => {
    const { db, deps, work, ran } = await deployed();
    const draining = { ...renamed, queue: "mails", drain: true };
    await syncDefinitions(db, [draining], []);
    const [claimed] = await db.query<{ leases: readonly { id: string }[] }>(
      "select leases from forgeq.claim('mails', gen_random_uuid(), 1, null)",
    );
    const input = { leaseId: claimed!.leases[0]!.id, invocation: "i", remainingMs: () => 200_000 };
    expect(await runInvocation(deps, draining, work, input)).toMatchObject({
      jobs: 1,
      ranOn: expect.toSatisfy((n) => n >= 1),
    });
    expect(ran.length).toBeGreaterThanOrEqual(2);
  });
});

it("may still be enqueued under the old name, by HTTP, with the new schema; a worker is pushed it and starts its own", async () => {
  const { start, deps, ran, db } = await deployed();
  const enqueue = createEnqueue(deps, ALL_SCOPES, [renamed]);
  const body = { type: "send_mail", payload: { to: "d" } };
  expect(await send(enqueue, { path: "/jobs", body })).toMatchObject({
    status: 201,
    body: { type: "send_mail", queue: "send_email", max_attempts: 8 },
  });
  expect(await send(enqueue, { path: "/jobs", body: { ...body, payload: {} } })).toMatchObject({ status: 422 });
  const api = createApi(deps, ALL_SCOPES, () => Promise.resolve([renamed]));
  const shown = await send(api, { path: "/types" });
  expect(shown.body.data).toMatchObject([
    { type: "send_email", declared: true },
    { type: "send_mail", declared: true },
  ]);

  const worker = start();
  await until(() => ran.length === 4);
  await until(() => worker.busy() === 0);
  const local = { ...deps, localStart: worker.localStart };
  // Jobs that this process knows to wait come first.
  await until(async () => {
    const [started] = await enqueueJobs(local, [{ type: "send_mail", payload: { to: "e" } }]);
    return started!.job.state === "running";
  });
  const offers = () => db.query("select types from forgeq.worker_capacity where 'send_mail' = any (types)");
  worker.listens(true);
  await until(async () => (await offers()).length === 1);
});

it("invokes the function of the new name where the environment says so, and costs nothing where there is no alias", () => {
  expect(readConfig().handlerFunction("send_mail")).toBe("forgeq-dev-handler-send_mail");
  process.env["FORGEQ_TYPE_ALIASES"] = '{"send_mail":"send_email"}';
  onTestFinished(() => void delete process.env["FORGEQ_TYPE_ALIASES"]);
  expect(readConfig().handlerFunction("send_mail")).toBe("forgeq-dev-handler-send_email");
  expect(readConfig().handlerFunction("send_email")).toBe("forgeq-dev-handler-send_email");
});
