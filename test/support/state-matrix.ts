import type { JobState, TransitionName } from "../../lib/core/states.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { call } from "../../lib/db/drivers/call.ts";
import { cancel, revive } from "../../lib/db/reads/jobs.ts";
import { invocationFailed, recover, releaseUnbegun } from "../../lib/db/protocol/leases.ts";
import { type Ended, settle } from "../../lib/db/protocol/settle.ts";
import { settleAndTake } from "../../lib/db/protocol/take.ts";
import type { Held, Setup } from "./queue.ts";

/** A job in some state, with the lease that holds it or last held it. */
export interface Case {
  readonly id: string;
  readonly leaseId: string;
  readonly held: Held;
}

export const NO_LEASE = "00000000-0000-7000-8000-000000000000";
const ERROR = { name: "Error", message: "no" };

const caseOf = (id: string | undefined, held: Partial<Held> = {}): Case => {
  const { leaseId = NO_LEASE, begunBy = NO_LEASE, jobIds = [] } = held;
  return { id: id ?? NO_LEASE, leaseId, held: { leaseId, begunBy, jobIds } };
};

const finish =
  (outcome: Ended["outcome"]) =>
  async ({ queue }: Setup, maxAttempts: number): Promise<Case> => {
    const [id] = await queue.enqueue(1, { maxAttempts });
    const held = await queue.lease();
    await queue.settle(held, outcome);
    return caseOf(id, held);
  };

/** How a job comes to be in each state. */
export const MAKE: Record<JobState, (s: Setup, maxAttempts: number) => Promise<Case>> = {
  scheduled: async ({ queue }, maxAttempts) => {
    const [id] = await queue.enqueue(1, { delaySeconds: 3_600, maxAttempts });
    return caseOf(id);
  },
  pending: async ({ queue }, maxAttempts) => {
    const [id] = await queue.enqueue(1, { maxAttempts });
    return caseOf(id);
  },
  leased: async ({ queue }, maxAttempts) => {
    const [id] = await queue.enqueue(1, { maxAttempts });
    return caseOf(id, { leaseId: (await queue.claim()).leases[0]!.id });
  },
  running: async ({ queue }, maxAttempts) => {
    const [id] = await queue.enqueue(1, { maxAttempts });
    return caseOf(id, await queue.lease());
  },
  completed: finish("completed"),
  dead: finish("dead"),
  cancelled: async ({ db, queue, at }, maxAttempts) => {
    const [id] = await queue.enqueue(1, { maxAttempts });
    await cancel(db, id!, at(0));
    return caseOf(id);
  },
};

type Make = (s: Setup, job: Case) => Promise<unknown>;

/** The other call that writes the outcome of a handler's attempt. It takes nothing here. */
const ALSO_SETTLE: Record<string, (s: Setup, held: Held, ended: Ended) => Promise<unknown>> = {
  settle_and_take: (s, { leaseId, begunBy }, ended) =>
    settleAndTake(s.db, { ...TAKE, worker: begunBy, settles: [{ leaseId, ended: [ended] }], at: s.at(1) }),
};

const TAKE = { settles: [], takes: [], types: ["plain"], maxJobs: 10, invocation: null, dueHorizonSeconds: null };
const TAKES = () => [{ queue: "plain", claimId: uuidV7(), watermarks: null }];

const OUTCOMES: readonly [TransitionName, Omit<Ended, "id">][] = [
  ["complete", { outcome: "completed", result: 1 }],
  ["retry", { outcome: "retry", error: ERROR }],
  ["bury", { outcome: "dead", error: ERROR }],
  ["release", { outcome: "released" }],
  ["snooze", { outcome: "snoozed", delaySeconds: 30 }],
  ["retry", { outcome: "timed_out", error: ERROR }],
  ["retry", { outcome: "worker_crashed", error: ERROR }],
  ["drop", { outcome: "cancelled", error: ERROR }],
];

const settling = [
  ...OUTCOMES.map(([as, ended]): [string, TransitionName, Make] => [
    `settle, ${ended.outcome}`,
    as,
    ({ db, at }, { id, held }) => settle(db, held, [{ id, ...ended }], at(1)),
  ]),
  [
    "settle, completed in a word",
    "complete",
    ({ db, at }, { id, held }) => settle(db, held, [{ id, outcome: "completed" }], at(1), true),
  ] as [string, TransitionName, Make],
  ...Object.entries(ALSO_SETTLE).flatMap(([name, send]) =>
    OUTCOMES.slice(0, 2).map(([as, ended]): [string, TransitionName, Make] => [
      `${name}, ${ended.outcome}`,
      as,
      (s, { id, held }) => send(s, held, { id, ...ended }),
    ]),
  ),
];

const refused =
  (reason: "undispatched" | "throttled"): Make =>
  ({ db, at }, { leaseId }) =>
    releaseUnbegun(db, { leaseId, reason, error: ERROR, at: at(1) });

const failed =
  (reason: "function_error" | "event_age_exceeded"): Make =>
  ({ db, at }, { leaseId }) =>
    invocationFailed(db, { leaseId, invocation: "request", reason, error: ERROR, at: at(1) });

/** [what is called, the move that it is by the table of transitions, the call] */
export const CALLS: readonly (readonly [string, TransitionName, Make])[] = [
  ["claim", "claim", ({ queue }) => queue.claim()],
  ["begin", "begin", ({ queue }, { leaseId }) => queue.begin(leaseId)],
  ["settle_and_take", "take", (s) => settleAndTake(s.db, { ...TAKE, worker: uuidV7(), takes: TAKES(), at: s.at(0) })],
  ...settling,
  ["release at shutdown", "release", ({ db, at }, { held }) =>
    call(db, "select * from forgeq.release($1, $2, at => $3)", [held.leaseId, held.begunBy === NO_LEASE ? uuidV7() : held.begunBy, at(1)])], // prettier-ignore
  ["release, undispatched", "undispatch", refused("undispatched")],
  ["release, throttled", "throttle", refused("throttled")],
  ["invocation_failed, function error", "crash", failed("function_error")],
  ["invocation_failed, too old", "throttle", failed("event_age_exceeded")],
  ["recover", "recover", ({ db, at }) => recover(db, 10, at(100))],
  ["cancel", "cancel", ({ db, at }, { id }) => cancel(db, id, at(1))],
  ["retry by hand", "revive", ({ db, at }, { id }) => revive(db, id, 1, at(1))],
];
