import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JobState, JOB_STATES, TRANSITIONS, type TransitionName } from "../../lib/core/states.ts";
import { cancel, revive } from "../../lib/db/jobs.ts";
import { type Ended, extendLease, invocationFailed, recover, releaseUnbegun, settle } from "../../lib/db/leases.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type Held, miscounted, setup, type Setup, strays } from "../support/queue.ts";

/** A job in some state, with the lease that holds it or last held it. */
interface Case {
  readonly id: string;
  readonly leaseId: string | null;
  readonly held: Held | null;
}

const finish =
  (outcome: Ended["outcome"]) =>
  async ({ queue }: Setup, maxAttempts: number): Promise<Case> => {
    const [id] = await queue.enqueue(1, { max_attempts: maxAttempts });
    const held = await queue.lease();
    await queue.settle(held, outcome);
    return { id: id!, leaseId: held.leaseId, held };
  };

const MAKE: Record<JobState, (s: Setup, maxAttempts: number) => Promise<Case>> = {
  scheduled: async ({ queue }, max_attempts) => {
    const [id] = await queue.enqueue(1, { delay_seconds: 3_600, max_attempts });
    return { id: id!, leaseId: null, held: null };
  },
  pending: async ({ queue }, max_attempts) => {
    const [id] = await queue.enqueue(1, { max_attempts });
    return { id: id!, leaseId: null, held: null };
  },
  leased: async ({ queue }, max_attempts) => {
    const [id] = await queue.enqueue(1, { max_attempts });
    const { leases } = await queue.claim();
    return { id: id!, leaseId: leases[0]!.id, held: null };
  },
  running: async ({ queue }, max_attempts) => {
    const [id] = await queue.enqueue(1, { max_attempts });
    const held = await queue.lease();
    return { id: id!, leaseId: held.leaseId, held };
  },
  completed: finish("completed"),
  dead: finish("dead"),
  cancelled: async ({ db, queue, at }, max_attempts) => {
    const [id] = await queue.enqueue(1, { max_attempts });
    await cancel(db, id!, at(0));
    return { id: id!, leaseId: null, held: null };
  },
};

const NO_LEASE = "00000000-0000-7000-8000-000000000000";
const ERROR = { name: "Error", message: "no" };

const settleAs =
  (outcome: Ended["outcome"], extra: Partial<Ended> = {}) =>
  ({ db, at }: Setup, { id, held, leaseId }: Case) =>
    settle(
      db,
      held ?? { leaseId: leaseId ?? NO_LEASE, begunBy: NO_LEASE },
      [{ id, outcome, error: ERROR, ...extra }],
      at(1),
    );

const CALL: Record<TransitionName, (s: Setup, job: Case) => Promise<unknown>> = {
  claim: ({ queue }) => queue.claim(),
  begin: ({ queue }, { leaseId }) => queue.begin(leaseId ?? NO_LEASE),
  complete: settleAs("completed"),
  retry: settleAs("retry"),
  bury: settleAs("dead"),
  release: settleAs("released"),
  snooze: settleAs("snoozed", { delay_seconds: 30 }),
  undispatch: ({ db, at }, { leaseId }) =>
    releaseUnbegun(db, {
      leaseId: leaseId ?? NO_LEASE,
      reason: "undispatched",
      error: ERROR,
      delaySeconds: null,
      at: at(1),
    }),
  recover: ({ db, at }) => recover(db, 10, at(100)),
  cancel: ({ db, at }, { id }) => cancel(db, id, at(1)),
  revive: ({ db, at }, { id }) => revive(db, id, 1, at(1)),
};

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const names = Object.keys(TRANSITIONS) as TransitionName[];

describe.each(JOB_STATES)("a job that is %s", (state) => {
  it.each(names)("takes %s as the table says", async (name) => {
    for (const [maxAttempts, cancelling] of [
      [3, false],
      [1, false],
      [3, true],
    ] as const) {
      const s = await setup({ database });
      const job = await MAKE[state](s, maxAttempts);
      expect(await s.queue.state(job.id)).toBe(state);
      const held = state === "leased" || state === "running";
      if (cancelling && held) expect(await cancel(s.db, job.id, s.at(0))).toMatchObject({ outcome: "requested" });
      if (cancelling && !held) continue;

      await CALL[name](s, job);

      s.moveTo(name === "recover" ? 100 : 1);
      const after = await s.queue.state(job.id);
      const { from, to } = TRANSITIONS[name] as { from: readonly JobState[]; to: readonly JobState[] };
      // The clock alone may have made a scheduled job of this test due, never in a second.
      if (from.includes(state)) expect(to).toContain(after);
      else expect(after).toBe(state);
      if (cancelling && from.includes(state) && !["cancel", "claim", "extend"].includes(name)) {
        expect(after).toBe(name === "complete" ? "completed" : name === "bury" ? "dead" : "cancelled");
      }
      expect(await strays(s.db)).toBe(0);
      expect(await miscounted(s.db)).toBe(0);
    }
  });
});

describe("what changes no state", () => {
  it("extends a running lease and no other", async () => {
    const s = await setup({ database });
    const { held } = await MAKE.running(s, 3);
    const extend = (lease: Held) => extendLease(s.db, { ...lease, leaseSeconds: 60, progress: null, at: s.at(1) });

    expect(await extend(held!)).toEqual({ cancelRequested: [] });
    expect(await extend({ ...held!, begunBy: NO_LEASE })).toBe("lease_lost");
    await s.queue.settle(held!, "completed");
    expect(await extend(held!)).toBe("lease_lost");
  });

  it("ignores a failed invocation that is not the lease's own", async () => {
    const s = await setup({ database });
    const { id, leaseId } = await MAKE.running(s, 3);
    const fail = (invocation: string, reason: "function_error" | "event_age_exceeded") =>
      invocationFailed(s.db, { leaseId: leaseId!, invocation, reason, error: ERROR, at: s.at(1) });

    expect(await fail("another", "function_error")).toMatchObject({ outcome: "ignored" });
    expect(await fail("request", "event_age_exceeded")).toMatchObject({ outcome: "ignored" });
    expect(await s.queue.state(id)).toBe("running");
    expect(await fail("request", "function_error")).toMatchObject({ outcome: "recovered" });
    // Told again, it says the same and changes nothing.
    expect(await fail("request", "function_error")).toMatchObject({ outcome: "recovered" });
    expect(await s.queue.get(id)).toMatchObject({ state: "scheduled", attempt: 1 });
  });
});
