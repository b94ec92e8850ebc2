import * as z from "zod";
import { expect, it } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { ABORT_GRACE_MS } from "../../../lib/queue/run/run-job.ts";
import { runInvocation } from "../../../lib/queue/lambda/run-invocation.ts";
import { realTime, type Time } from "../../../lib/queue/time.ts";
import { setup, strays } from "../../support/queue.ts";

const plain = (more: { drain?: boolean; batchSize?: number } = {}) =>
  defineJob({
    type: "plain",
    queue: "plain",
    payload: z.looseObject({}),
    timeoutSeconds: 5,
    batchSize: 5,
    drain: true,
    ...more,
  });

const other = defineJob({ type: "other", queue: "plain", payload: z.looseObject({}) });
const LIMIT = 5;

const invoke = async (
  definition = plain(),
  options: { jobs?: readonly (typeof definition)[]; remainingMs?: number; time?: Time; work?: () => unknown } = {},
) => {
  const s = await setup({
    realClock: true,
    jobs: options.jobs ?? [definition],
    queues: [defineQueue({ name: "plain", maxInFlight: LIMIT })],
  });
  const ids = await s.queue.enqueue(23);
  const { leases } = await s.queue.claim(5);
  let most = 0;
  const report = await runInvocation(
    { ...s.deps, time: options.time ?? realTime },
    definition,
    async () => {
      const [row] = await s.db.query<{ n: number }>("select coalesce(sum(open_jobs), 0)::int as n from forgeq.lease");
      most = Math.max(most, row!.n);
      await options.work?.();
      return null;
    },
    { leaseId: leases[0]!.id, invocation: "request", remainingMs: () => options.remainingMs ?? 60_000 },
  );
  const states = await Promise.all(ids.map((id) => s.queue.state(id)));
  return { s, report, most, completed: states.filter((state) => state === "completed").length };
};

it("goes on with its queue until nothing is due, within the queue's limit", async () => {
  const { s, report, most, completed } = await invoke();
  expect(report).toMatchObject({ outcome: "ran", jobs: 5, ranOn: 18 });
  expect(completed).toBe(23);
  expect(most).toBeLessThanOrEqual(LIMIT);
  expect(await strays(s.db)).toBe(0);
});

it("ends with its lease unless the job type asks for it", async () => {
  const { report, completed } = await invoke(plain({ drain: false }));
  expect(report.ranOn).toBeUndefined();
  expect(completed).toBe(5);
});

it.each([
  ["have as theirs", other],
  ["list", { ...other, queue: "other", queues: ["plain"] }],
])("leaves a queue to the dispatcher that other types %s", async (_, sharing) => {
  const { report, completed } = await invoke(plain(), { jobs: [plain(), sharing] });
  expect(report.ranOn).toBe(0);
  expect(completed).toBe(5);
});

it("takes nothing more when the time left would not do for another job", async () => {
  const { report, completed } = await invoke(plain(), { remainingMs: 11_000 });
  expect(report.ranOn).toBe(0);
  expect(completed).toBe(5);
});

it("stops taking in time, and finishes what it has taken", async () => {
  const spareMs = 777_000;
  let runOut: () => void = () => undefined;
  const time: Time = {
    ...realTime,
    after: (ms, run) => {
      if (ms !== spareMs) return realTime.after(ms, run);
      runOut = run;
      return () => undefined;
    },
  };
  let begun = 0;
  const { s, report, completed } = await invoke(plain(), {
    remainingMs: 5_000 + ABORT_GRACE_MS + 5_000 + spareMs,
    time,
    work: () => {
      begun += 1;
      if (begun === 12) runOut();
    },
  });
  expect(report.ranOn).toBeGreaterThanOrEqual(12 - 5);
  expect(completed).toBe(5 + report.ranOn!);
  expect(completed).toBeLessThan(23);
  expect(completed).toBe(begun);
  const [open] = await s.db.query<{ n: number }>("select count(*)::int as n from forgeq.lease");
  expect(open!.n).toBe(0);
  expect(await strays(s.db)).toBe(0);
});
