import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { CONCURRENCY, setupPump } from "../support/worker/pump.ts";

const JOB = () => [{ id: uuidV7(), type: "plain", payload: {} }];

/** A worker that has made its first poll, found nothing, and waits for the next one. */
const setupIdle = async () => {
  const made = setupPump(1, 100);
  expect(made.state.pollDue).toBe(true);
  await made.virtual.pass(0.04);
  expect(made.state).toMatchObject({ pollDue: false, statements: 0 });
  return made;
};

describe("pollDue", () => {
  it("is set by the poll's timer, and cleared by the statement that makes the poll", async () => {
    const { state, virtual } = await setupIdle();
    for (let polls = 0; polls < 3; polls += 1) {
      const pollAtMs = state.nextPollAtMs;
      while (state.statements === 0) await virtual.pass(0.001);
      expect(virtual.now() - pollAtMs).toBeLessThan(2);
      expect(state).toMatchObject({ pollDue: false, nextPollAtMs: Infinity });
      while (state.statements > 0) await virtual.pass(0.001);
    }
  });

  it("stays while no slot is free, and is cleared once one is", async () => {
    const { state, virtual, slots } = await setupIdle();
    const kept = Array.from({ length: CONCURRENCY }, () => slots.reserve(JOB()));
    expect(kept).not.toContain(null);
    await virtual.pass(20);
    expect(state).toMatchObject({ pollDue: true, statements: 0 });
    slots.fill(1, null);
    expect(state).toMatchObject({ pollDue: false, statements: 1 });
  });

  it("is not set again by a poll that fails: the next one comes by its timer", async () => {
    const { state, virtual, protocol, worker } = await setupIdle();
    protocol.setMood("away");
    while (state.statements === 0) await virtual.pass(0.01);
    await virtual.pass(30);
    expect(state).toMatchObject({ pollDue: false, statements: 1 });
    protocol.setMood("steady");
    await virtual.pass(6);
    expect(state.nextPollAtMs).toBeLessThan(Infinity);
    protocol.store(1);
    await virtual.pass(6);
    expect(protocol.waiting()).toBe(0);
    void worker.stop(0);
  });
});

describe("slots are left free by takes", () => {
  /** What a take reserves that is made now. */
  const taken = async ({ worker, state, virtual }: Awaited<ReturnType<typeof setupIdle>>): Promise<number> => {
    while (state.statements > 0) await virtual.pass(0.01);
    worker.hint(0);
    return state.reservedJobs;
  };

  it("from when a local start finds every slot reserved", async () => {
    const s = await setupIdle();
    expect(await taken(s)).toBe(CONCURRENCY);
    expect(s.slots.reserve(JOB())).toBeNull();
    expect(await taken(s)).toBe(CONCURRENCY - 10);
    expect(s.slots.reserve(JOB())).toBe("plain");
    s.slots.fill(1, null);
  });

  it("not because every slot is busy", async () => {
    const s = await setupIdle();
    for (let jobs = 0; jobs < CONCURRENCY; jobs += 4) s.worker.push(s.protocol.begin(4));
    expect(s.state).toMatchObject({ busyJobs: CONCURRENCY, reservedJobs: 0 });
    expect(s.slots.reserve(JOB())).toBeNull();
    expect(s.state.leaveSlotsUntilMs).toBe(-Infinity);
    await s.virtual.pass(20);
    expect(await taken(s)).toBe(CONCURRENCY);
  });

  it("until no local start has come for ten seconds", async () => {
    const s = await setupIdle();
    await taken(s);
    s.slots.reserve(JOB());
    for (let starts = 0; starts < 3; starts += 1) {
      await s.virtual.pass(9);
      expect(await taken(s)).toBe(CONCURRENCY - 10);
      s.slots.reserve(JOB());
      s.slots.fill(1, null);
    }
    await s.virtual.pass(10);
    expect(await taken(s)).toBe(CONCURRENCY);
  });
});
