import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildHandlers, startProcesses, type ProcessesOptions } from "../support/cli/processes.ts";
import { ROOT } from "../support/cli/start-local.ts";

// Generous: the machine may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let handlers: Awaited<ReturnType<typeof buildHandlers>>;
beforeAll(async () => {
  handlers = await buildHandlers();
});
afterAll(() => handlers?.remove());

const SOON = { timeout: 50_000, interval: 100 };

let gates = 0;

const setup = async (options: Omit<ProcessesOptions, "handlers"> = {}) => {
  const processes = await startProcesses({ handlers: handlers.path, ...options });
  gates += 1;
  const gate = join(handlers.path, `gate-${gates}-`);
  return {
    ...processes,
    gate,
    /** Lets the handler of an attempt go on to its end. */
    open: (attempt: number) => writeFileSync(gate + String(attempt), ""),
    outcomes: async (id: string) =>
      (
        await processes.db.query<{ number: number; outcome: string }>(
          "select number, outcome from forgeq.job_attempt where job_id = $1 order by ended_at",
          [id],
        )
      ).map(({ number, outcome }) => [number, outcome]),
    logged: (text: string) => processes.log.filter((line) => line.includes(text)),
  };
};

describe("events", () => {
  it("delivered three times start the handler once", async () => {
    const { enqueue, inState, working, open, gate, logged, outcomes } = await setup({ faults: () => ({ times: 3 }) });
    const id = await enqueue("faulty", { act: "work", gate });
    await working(id);
    await expect.poll(() => logged("a lease was not begun"), SOON).toHaveLength(2);
    open(1);
    expect(await inState(id, "completed")).toMatchObject({ attempt: 1 });
    expect(await outcomes(id)).toEqual([]);
  });

  it("delivered late run, and after their lease expired they do nothing", async () => {
    const faults = (_: string, nth: number) => (nth === 1 ? { delayMs: 4_000 } : undefined);
    const { enqueue, inState, tickIn, hurry, logged, events } = await setup({ faults });
    const id = await enqueue("steady", {});
    await expect.poll(() => events.get("steady"), SOON).toBe(1);
    expect(await tickIn(100)).toMatchObject({ leasesRecovered: 1, jobsRecovered: 1 });
    await hurry();
    expect(await inState(id, "completed")).toMatchObject({ attempt: 1 });
    await expect.poll(() => logged("a lease was not begun"), SOON).toHaveLength(1);
  });

  it("lost cost time, but neither a job nor an attempt", async () => {
    const faults = (_: string, nth: number) => (nth === 1 ? { drop: true } : undefined);
    const { enqueue, inState, show, tickIn, hurry, outcomes, events } = await setup({ faults });
    const id = await enqueue("steady", {});
    await expect.poll(() => events.get("steady"), SOON).toBe(1);
    expect(await tickIn(80)).toMatchObject({ leasesRecovered: 0 });
    expect((await show(id)).state).toBe("leased");
    expect(await tickIn(100)).toMatchObject({ leasesRecovered: 1 });
    await hurry();
    expect(await inState(id, "completed")).toMatchObject({ attempt: 1 });
    expect(await outcomes(id)).toEqual([[1, "undispatched"]]);
  });

  it("throttled are sent again, without a dispatch on the job's account", async () => {
    const faults = (_: string, nth: number) => (nth <= 2 ? { throttle: true } : undefined);
    const { enqueue, inState, logged, events } = await setup({ faults });
    const id = await enqueue("steady", {});
    expect(await inState(id, "completed")).toMatchObject({ attempt: 1 });
    expect(events.get("steady")).toBe(3);
    expect(logged("an invoke was refused")).toHaveLength(2);
  });
});

describe("a process", () => {
  it("killed in the middle of its work is on record, and its job completes as attempt 2", async () => {
    const { enqueue, inState, working, open, gate } = await setup();
    const id = await enqueue("faulty", { act: "work", gate });
    const { pid, leaseId } = await working(id);
    process.kill(pid, "SIGKILL");
    open(1);
    expect(await inState(id, "completed")).toMatchObject({
      attempt: 2,
      result: { attempt: 2 },
      attempts: [
        {
          number: 1,
          outcome: "lease_expired",
          leaseId,
          beganAt: expect.any(Date),
          error: { message: expect.stringContaining("SIGKILL") },
        },
        { number: 2, outcome: "completed", error: null },
      ],
    });
  });

  it("frozen past its lease and let go on is refused: the outcome is the other's", async () => {
    const { enqueue, inState, working, open, gate, tickIn, hurry, logged, show, db } = await setup();
    const id = await enqueue("faulty", { act: "work", until: 2, gate });
    const frozen = await working(id);
    process.kill(frozen.pid, "SIGSTOP");
    try {
      expect(await tickIn(70)).toMatchObject({ leasesRecovered: 1 });
      open(2);
      await hurry();
      const done = await inState(id, "completed");
      expect(done).toMatchObject({ attempt: 2, result: { attempt: 2 } });
      open(1);
    } finally {
      process.kill(frozen.pid, "SIGCONT");
    }
    await expect.poll(() => logged("the lease is lost"), SOON).toHaveLength(1);
    expect(logged("the lease is lost")[0]).toContain(frozen.leaseId);
    expect(await show(id)).toMatchObject({ state: "completed", result: { attempt: 2 } });
    const [{ n }] = (await db.query<{ n: number }>("select count(*)::int as n from forgeq.job_history")) as [
      { n: number },
    ];
    expect(n).toBe(1);
  });

  it("that exits, hangs or throws takes nothing else down", async () => {
    const { enqueue, inState, outcomes } = await setup({ timeoutSeconds: 4 });
    const exits = await enqueue("faulty", { act: "exit" });
    const hangs = await enqueue("faulty", { act: "hang" });
    const throws = await enqueue("faulty", { act: "throw" });
    const others = await Promise.all(Array.from({ length: 5 }, () => enqueue("steady", {})));
    for (const id of others) expect(await inState(id, "completed")).toMatchObject({ attempt: 1 });

    for (const id of [exits, hangs, throws]) expect(await inState(id, "completed")).toMatchObject({ attempt: 2 });
    expect(await outcomes(exits)).toEqual([[1, "lease_expired"]]);
    expect(await outcomes(hangs)).toEqual([[1, "lease_expired"]]);
    expect(await outcomes(throws)).toEqual([[1, "retry"]]);
  });

  it("settles what it works on as timed out before its function's time is up", async () => {
    const { enqueue, inState, gate, outcomes } = await setup({ timeoutSeconds: 5 });
    const id = await enqueue("faulty", { act: "work", gate });
    expect(await inState(id, "completed")).toMatchObject({ attempt: 2 });
    expect(await outcomes(id)).toEqual([[1, "timed_out"]]);
  });
});

it("runs a job that always throws max_attempts times, at the policy's delays, and keeps every error", async () => {
  const { enqueue, inState } = await setup();
  const id = await enqueue("faulty", { act: "throw", until: 9 });
  const dead = await inState(id, "dead");
  expect(dead).toMatchObject({ attempt: 3, error: { name: "TypeError", message: "attempt 3 throws" } });
  expect(dead.attempts).toMatchObject([
    { number: 1, outcome: "retry", error: { name: "TypeError", message: "attempt 1 throws" } },
    { number: 2, outcome: "retry", error: { message: "attempt 2 throws" } },
    { number: 3, outcome: "dead", error: { message: "attempt 3 throws" } },
  ]);
  const [first, second, third] = dead.attempts!.map(({ beganAt, endedAt }) => ({
    began: Number(beganAt),
    ended: Number(endedAt),
  }));
  expect(second!.began - first!.ended).toBeGreaterThanOrEqual(1_000);
  expect(third!.began - second!.ended).toBeGreaterThanOrEqual(2_000);
});

it("ends the jobs of a handler that can't be loaded undispatchable, and runs the queue's other types", async () => {
  const { enqueue, inState, hurry, outcomes, db } = await setup();
  const id = await enqueue("unloadable", {});
  const others = await Promise.all(Array.from({ length: 5 }, () => enqueue("steady", {})));
  for (const other of others) await inState(other, "completed");

  await expect.poll(() => outcomes(id), SOON).toEqual([[1, "undispatched"]]);
  expect(await db.query("select dispatches from forgeq.job")).toEqual([{ dispatches: 1 }]);
  // Eight more, without their growing delays.
  await db.query("update forgeq.job set dispatches = 9");
  await hurry();
  expect(await inState(id, "dead")).toMatchObject({
    attempts: [
      { number: 1, outcome: "undispatched", beganAt: null },
      { number: 1, outcome: "undispatched", error: { message: expect.stringContaining("init failed") } },
    ],
  });
});

it("runs a handler as it is now, without a restart", async () => {
  const { enqueue, inState } = await setup();
  expect(await inState(await enqueue("steady", {}), "completed")).toMatchObject({ result: { attempt: 1 } });

  const edited = join(handlers.path, "edited.ts");
  writeFileSync(
    edited,
    `import { lambdaHandler } from "${ROOT}lib/job.ts";
     import { steady } from "${ROOT}test/support/handlers/jobs.ts";
     export const handler = lambdaHandler(steady, () => Promise.resolve("edited"));`,
  );
  await handlers.build("steady", edited);
  try {
    expect(await inState(await enqueue("steady", {}), "completed")).toMatchObject({ result: "edited" });
  } finally {
    await handlers.build("steady");
  }
});
