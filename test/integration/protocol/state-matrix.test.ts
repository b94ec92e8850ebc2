import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JobState, JOB_STATES, TRANSITIONS, type TransitionName } from "../../../lib/core/states.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { cancel } from "../../../lib/db/reads/jobs.ts";
import { extendLease, invocationFailed } from "../../../lib/db/protocol/leases.ts";
import { repair } from "../../../lib/db/protocol/maintenance.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { type Held, miscounted, setup, type Setup, strays } from "../../support/queue.ts";
import { CALLS, type Case, MAKE, NO_LEASE } from "../../support/state-matrix.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What else there is about a job when the call comes. */
type Circumstance = "none" | "last attempt" | "cancel requested" | "nine dispatches" | "retries immediately";

const PREPARE: Record<Circumstance, (s: Setup, job: Case) => Promise<unknown>> = {
  none: () => Promise.resolve(),
  "last attempt": () => Promise.resolve(),
  "cancel requested": async ({ db, at }, { id }) =>
    expect(await cancel(db, id, at(0))).toMatchObject({ outcome: "requested" }),
  "nine dispatches": ({ db }) => db.query("update forgeq.job set dispatches = 9"),
  "retries immediately": ({ db }) =>
    db.query(`update forgeq.job_type set backoff = '{"type": "fixed", "seconds": 0, "jitter": "none"}'`),
};

const isHeld = (state: JobState): boolean => state === "leased" || state === "running";
const isLegal = (name: TransitionName, state: JobState): boolean =>
  (TRANSITIONS[name].from as readonly JobState[]).includes(state);

const circumstances = (name: TransitionName, state: JobState): Circumstance[] =>
  (isLegal(name, state) ? (Object.keys(PREPARE) as Circumstance[]) : (["none", "cancel requested"] as const)).filter(
    (each) => each !== "cancel requested" || isHeld(state),
  );

/** The state that a legal call leaves the job in. */
const after = (name: TransitionName, state: JobState, given: Circumstance): JobState => {
  const orCancelled = (otherwise: JobState): JobState => (given === "cancel requested" ? "cancelled" : otherwise);
  const retried = given === "last attempt" ? "dead" : given === "retries immediately" ? "pending" : "scheduled";
  const undispatched = given === "nine dispatches" ? "dead" : "pending";
  switch (name) {
    case "claim":
      return "leased";
    case "begin":
      return orCancelled("running");
    case "take":
      return "running";
    case "complete":
      return "completed";
    case "bury":
      return orCancelled("dead");
    case "drop":
      return "cancelled";
    case "retry":
      return orCancelled(retried);
    case "release":
      return orCancelled("pending");
    case "snooze":
      return orCancelled("scheduled");
    case "throttle":
      return orCancelled("pending");
    case "undispatch":
      return orCancelled(undispatched);
    case "crash":
      return orCancelled(state === "running" ? retried : undispatched);
    case "recover":
      return orCancelled(state === "running" ? retried : "pending");
    case "cancel":
      return isHeld(state) ? state : "cancelled";
    case "revive":
      return "pending";
  }
};

const ROWS = ["job", "lease", "lease_closed", "job_history", "job_attempt"].map(
  (table) => `select '${table}' as name, to_jsonb(r) as content from forgeq.${table} r`,
);
const rows = (db: Db) => db.query(`${ROWS.join(" union all ")} order by 1, 2`);

it("the table's moves are those that the calls make, no more and no fewer", () => {
  for (const [name, { from, to }] of Object.entries(TRANSITIONS) as [
    TransitionName,
    { from: readonly JobState[]; to: readonly JobState[] },
  ][]) {
    const made = from.flatMap((state) => circumstances(name, state).map((given) => after(name, state, given)));
    expect([...new Set(made)].toSorted(), name).toEqual(to.toSorted());
    expect(
      CALLS.some(([, as]) => as === name),
      name,
    ).toBe(true);
  }
});

describe.each(JOB_STATES)("a job that is %s", (state) => {
  it.each(CALLS)("meets %s as %s of the table", async (_, name, make) => {
    for (const given of circumstances(name, state)) {
      const s = await setup({ database });
      const job = await MAKE[state](s, given === "last attempt" ? 1 : 3);
      await PREPARE[given](s, job);
      expect(await s.queue.state(job.id)).toBe(state);
      const before = await rows(s.db);

      await make(s, job);

      s.moveTo(name === "recover" ? 100 : 1);
      if (isLegal(name, state)) expect(await s.queue.state(job.id), given).toBe(after(name, state, given));
      else expect(await rows(s.db), given).toEqual(before);
      expect(await strays(s.db)).toBe(0);
      expect(await miscounted(s.db)).toBe(0);
    }
  });

  it("is left as it is by repair", async () => {
    const s = await setup({ database });
    await MAKE[state](s, 3);
    const before = await rows(s.db);
    expect(await repair(s.db, null, 1000, s.at(1))).toEqual({ repaired: 0, redated: 0, lastId: null });
    expect(await rows(s.db)).toEqual(before);
  });
});

describe("what changes no state", () => {
  it("extends a running lease and no other", async () => {
    const s = await setup({ database });
    const { held } = await MAKE.running(s, 3);
    const extend = (lease: Held) => extendLease(s.db, { ...lease, leaseSeconds: 60, progress: null, at: s.at(1) });

    expect(await extend(held)).toEqual({ cancelRequested: [] });
    expect(await extend({ ...held, begunBy: NO_LEASE })).toBe("lease_lost");
    await s.queue.settle(held, "completed");
    expect(await extend(held)).toBe("lease_lost");
  });

  it("ignores a failed invocation that is not the lease's own", async () => {
    const s = await setup({ database });
    const { id, leaseId } = await MAKE.running(s, 3);
    const fail = (invocation: string, reason: "function_error" | "event_age_exceeded") =>
      invocationFailed(s.db, {
        leaseId,
        invocation,
        reason,
        error: { name: "Error", message: "no" },
        at: s.at(1),
      });

    expect(await fail("another", "function_error")).toMatchObject({ outcome: "ignored" });
    expect(await fail("request", "event_age_exceeded")).toMatchObject({ outcome: "ignored" });
    expect(await s.queue.state(id)).toBe("running");
    expect(await fail("request", "function_error")).toMatchObject({ outcome: "recovered" });
    // Told again, it says the same and changes nothing.
    expect(await fail("request", "function_error")).toMatchObject({ outcome: "recovered" });
    expect(await s.queue.get(id)).toMatchObject({ state: "scheduled", attempt: 1 });
  });
});
