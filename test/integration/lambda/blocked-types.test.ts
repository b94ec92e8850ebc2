import { describe, expect, it } from "vitest";
import { examine } from "../../../lib/cli/checks.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { ForgeqError } from "../../../lib/core/errors.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { invocationFailed, recover, releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { createLambdaHandler } from "../../../lib/job.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { handleFailedInvocation } from "../../../lib/queue/lambda/failed-invocation.ts";
import { runInvocation } from "../../../lib/queue/lambda/run-invocation.ts";
import { observeQueues } from "../../../lib/queue/observe/queue-stats.ts";
import { dispatchers } from "../../support/lambda/dispatcher.ts";
import { plain, setup } from "../../support/queue.ts";

const create = dispatchers();
const other = defineJob({ type: "other", queue: "plain", payload: plain.payload });

/** What Lambda reports of an invocation that ended before it began its lease. */
const failure = (event: unknown, errorType: string) => ({
  requestContext: { requestId: uuidV7(), condition: "RetriesExhausted" },
  requestPayload: event,
  responseContext: { functionError: "Unhandled" },
  responsePayload: { errorType, errorMessage: "no" },
});

/** A dispatcher whose handlers of the type `plain` end with an error before they begin, until they are mended. Those of other types run. */
const broken = async (errorType: string) => {
  const state = { mended: false, invokes: [] as number[], wakes: 0 };
  const invoke = async (name: string, event: unknown) => {
    const accepted = { outcome: "accepted" as const };
    if (name.endsWith("-dispatcher")) {
      state.wakes += 1;
      return accepted;
    }
    const type = name.endsWith("plain") ? plain : other;
    if (type === plain) state.invokes.push(d.now());
    if (type === plain && !state.mended) await handleFailedInvocation(d.outside, failure(event, errorType));
    else
      await runInvocation(d.outside, type, () => Promise.resolve(null), {
        ...(event as { lease_id: string }),
        leaseId: (event as { lease_id: string }).lease_id,
        invocation: "i",
        remainingMs: () => 60_000,
      });
    return accepted;
  };
  const d: Awaited<ReturnType<typeof create>> = await create({ jobs: [plain, other], invoker: { invoke } });
  const states = () =>
    d.db.query<{ type: string; state: string; n: number }>(
      "select type, state, count(*)::int as n from forgeq.jobs group by type, state order by type, state",
    );
  return { d, state, states };
};

describe("a type whose handlers end before they begin", () => {
  it("keeps its backlog, tries with one lease at a time, and goes on within a minute of the deploy that mends it", async () => {
    const { d, state, states } = await broken("Runtime.ImportModuleError");
    await d.enqueue({}, 300);
    await d.enqueue({ type: "other" }, 20);
    const due = await d.db.query("select id, run_at from forgeq.job where type = 'plain' order by id");

    while (d.now() < 600) await d.run();
    expect(await states()).toEqual([
      { type: "other", state: "completed", n: 20 },
      { type: "plain", state: "pending", n: 300 },
    ]);
    expect(await d.db.query("select id, run_at from forgeq.job where type = 'plain' order by id")).toEqual(due);
    // The first claim sent all that was due; from then on one lease probes after 1, 2, 4 ... 60 s.
    const probes = state.invokes.filter((at) => at > 0);
    expect(probes.slice(0, 6).map(Math.round)).toEqual([1, 3, 7, 15, 31, 63]);
    expect(Math.max(...probes.map((at, n) => at - (probes[n - 1] ?? 0)))).toBeLessThanOrEqual(61);

    state.mended = true;
    const mendedAt = d.now();
    while ((await states()).some(({ state: each }) => each === "pending")) await d.run({}, 100);
    expect(d.now() - mendedAt).toBeLessThan(61);
    expect(await states()).toMatchObject([{ n: 20 }, { type: "plain", state: "completed", n: 300 }]);
    expect(await d.db.query("select from forgeq.type_block")).toEqual([]);
  });

  it("wakes a dispatcher when the probe begins, so that one that waits for nothing goes on", async () => {
    const { d, state } = await broken("Runtime.ExitError");
    await d.enqueue({}, 30);
    await d.run({}, 25);
    state.mended = true;
    d.move(120);
    const before = state.wakes;
    const { leases } = await d.queue.claim();
    expect(leases).toMatchObject([{ type: "plain", jobs: 10 }]);
    await runInvocation(d.outside, plain, () => Promise.resolve(null), {
      ...{ leaseId: leases[0]!.id, invocation: "i", remainingMs: () => 60_000 },
    });
    expect(state.wakes).toBe(before + 1);
    expect((await d.queue.claim()).leases).toHaveLength(2);
  });
});

/** Claims of each minute, whose leases all fail with this before they begin. */
const failing = async (reason: "outage" | "function_error", untilSeconds: number, jobs: number) => {
  const s = await setup();
  await s.queue.enqueue(jobs);
  for (let seconds = 0; seconds <= untilSeconds; seconds += 60) {
    s.moveTo(seconds);
    for (const { id } of (await s.queue.claim()).leases)
      await invocationFailed(s.db, {
        ...{ leaseId: id, invocation: "i", reason, at: s.at(seconds) },
        error: { name: "Error", message: "no" },
      });
  }
  const states = await s.db.query("select state, count(*)::int as n from forgeq.jobs group by state order by state");
  const dispatches = await s.db.query("select distinct dispatches from forgeq.job");
  return { states, dispatches };
};

it("an outage of three hours loses no job, and counts no dispatch", async () => {
  expect(await failing("outage", 3 * 3_600, 30)).toEqual({
    states: [{ state: "pending", n: 30 }],
    dispatches: [{ dispatches: 0 }],
  });
});

it("no job is buried before an hour, however often it was tried", async () => {
  expect((await failing("function_error", 3_540, 10)).states).toEqual([{ state: "pending", n: 10 }]);
  expect((await failing("function_error", 3_600, 10)).states).toEqual([{ state: "dead", n: 10 }]);
});

it("a lease that expires unbegun costs no dispatch, and its type is tried again", async () => {
  const s = await setup();
  const [id] = await s.queue.enqueue(1);
  await s.queue.claim();
  await recover(s.db, 10, s.at(91));
  expect(await s.queue.get(id!)).toMatchObject({
    state: "pending",
    attempt: 0,
    attempts: [{ outcome: "undispatched" }],
  });
  expect(await s.db.query("select dispatches from forgeq.job")).toEqual([{ dispatches: 0 }]);
  s.moveTo(91);
  expect(await s.queue.claim()).toMatchObject({ leases: [], blocks: ["plain"] });
  s.moveTo(92);
  expect((await s.queue.claim()).leases).toHaveLength(1);
});

it("several claims make one probe, in whatever queue the type has jobs", async () => {
  const two = defineJob({ type: "plain", queue: "plain", queues: ["second"], payload: plain.payload });
  const s = await setup({ jobs: [two] });
  await s.queue.enqueue(40);
  await s.queue.enqueue(40, { queue: "second" });
  const { leases } = await s.queue.claim(10);
  for (const { id } of leases)
    await releaseUnbegun(s.db, { leaseId: id, reason: "undispatched", error: { name: "E", message: "" }, at: s.at(0) });
  s.moveTo(1);
  const claims = await Promise.all(
    Array.from({ length: 8 }, (_, n) => s.queue.claim(500, n % 2 === 0 ? "plain" : "second")),
  );
  expect(claims.flatMap((claimed) => claimed.leases)).toHaveLength(1);
  // While it is under way there is none.
  s.moveTo(60);
  expect((await s.queue.claim()).leases).toEqual([]);
  // Nor for ever, should nobody take it back.
  s.moveTo(92);
  expect((await s.queue.claim()).leases).toHaveLength(1);
});

it.each(["database_unavailable", "secrets_unavailable", "too_slow"] as const)(
  "an invocation that ends with %s says that it was an outage",
  async (code) => {
    const none = () => Promise.reject<Deps>(new ForgeqError(code, "away"));
    const handler = createLambdaHandler(none, plain, () => Promise.resolve(null));
    const context = { awsRequestId: "r", getRemainingTimeInMillis: () => 30_000 };
    await expect(handler({ lease_id: uuidV7() }, context)).rejects.toMatchObject({
      name: "ForgeqOutage",
      message: "away",
    });
    const wrong = createLambdaHandler(
      () => Promise.reject<Deps>(new Error("bug")),
      plain,
      () => Promise.resolve(null),
    );
    await expect(wrong({ lease_id: uuidV7() }, context)).rejects.toMatchObject({ name: "Error" });
  },
);

it("doctor and the tick's metric name a blocked type, and its reason, before a job is dead", async () => {
  const s = await setup({ realClock: true });
  await s.queue.enqueue(1);
  const [lease] = (await s.queue.claim()).leases;
  await releaseUnbegun(s.db, {
    ...{ leaseId: lease!.id, reason: "undispatched", at: null },
    error: { name: "InvokeRefused", message: "HTTP 404" },
  });
  await s.db.query("update forgeq.type_block set since = since - interval '150 seconds'");
  expect(
    (await examine({ url: s.url, driver: "pg" }, ["plain"], "always")).find(({ check }) => check === "types"),
  ).toMatchObject({
    level: "problem",
    found: expect.stringMatching(/plain for 15\d s \(InvokeRefused: HTTP 404\)/) as string,
  });
  const observed: Record<string, number> = {};
  const observe = (name: string, value: number) => void (observed[name] = value);
  await observeQueues({ ...s.deps, metrics: { ...s.metrics, observe } });
  expect(observed["TypeBlockedAge"]).toBeGreaterThan(149);
});
