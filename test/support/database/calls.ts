import { uuidV7 } from "../../../lib/core/uuid.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { enqueueAndClaim } from "../../../lib/db/protocol/enqueue.ts";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import {
  beginLease,
  claim,
  extendLease,
  invocationFailed,
  recover,
  releaseUnbegun,
} from "../../../lib/db/protocol/leases.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { markDispatcher } from "../../../lib/db/protocol/wake.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import type { Setup } from "../queue.ts";

/** One call of the protocol, with everything that makes it the same call when it is sent again. */
export interface Call {
  readonly name: string;
  /** Of its statement, as the comment says that the text begins with. */
  readonly kind: string;
  /** Brings the database to where the call is made, and gives the call. */
  readonly prepare: (s: Setup) => Promise<(db: Db) => Promise<unknown>>;
  /** A repeated call may find nothing left to do: only the rows must be the same. */
  readonly findsNothingLeft?: boolean;
  /** The ids are made inside: two such calls are other jobs, so it is only ever repeated by itself. */
  readonly makesIds?: boolean;
}

const ERROR = { name: "Error", message: "no" };

/** Wakes nobody: what is compared is the call itself. */
const quiet = (s: Setup, db: Db): Deps => ({ ...s.deps, db, config: { ...s.deps.config, dispatcherFunction: null } });

const enqueue = (name: string, jobs: () => Parameters<typeof enqueueJobs>[1], before = false): Call => ({
  name,
  kind: "enqueue",
  prepare: async (s) => {
    if (before) await enqueueJobs(quiet(s, s.db), jobs());
    const given = jobs().map((job) => ({ ...job, id: uuidV7() }));
    // A repeated id is answered with the job that is there: 200 instead of 201.
    return async (db) => (await enqueueJobs(quiet(s, db), given)).map(({ job }) => job);
  },
});

/** The rows say whether the call found its jobs stored, as those of an enqueue do; what must be the same is what is invoked. */
const ENQUEUE_EAGERLY: Call = {
  name: "enqueue_and_claim",
  kind: "enqueue_and_claim",
  prepare: (s) => {
    const items = [1, 2].map((n) => ({ id: uuidV7(), type: "plain", payload: { n } }));
    const input = { fresh: false, blockedTypes: [], dispatchSeconds: 90, at: s.at(0) };
    return Promise.resolve(async (db) => (await enqueueAndClaim(db, items, input)).leases);
  },
};

const settleAs = (
  name: string,
  outcome: "completed" | "retry" | "dead",
  jobs: number,
  settled = jobs,
  all = false,
): Call => ({
  name,
  kind: "settle",
  prepare: async (s) => {
    await s.queue.enqueue(jobs);
    const held = await s.queue.lease();
    const ended = held.jobIds.slice(0, settled).map((id) => ({ id, outcome, error: ERROR }));
    return (db) => settle(db, held, ended, s.at(1), all);
  },
});

const claimWith = (name: string, limit: number | null): Call => ({
  name,
  kind: "claim",
  prepare: async (s) => {
    await s.queue.enqueue(25);
    await s.db.query("update forgeq.queue set max_in_flight = $1::int", [limit]);
    const input = { queue: "plain", claimId: uuidV7(), maxJobs: 20, watermarks: null, blockedTypes: [] };
    return async (db) => {
      // Where the next claim begins is no promise: after a lost answer it sweeps.
      const { outcome, leases } = await claim(db, { ...input, dispatchSeconds: 90, at: s.at(1) });
      return { outcome, leases };
    };
  },
});

const RELEASE = `/* forgeq:release */
select * from forgeq.release($1::uuid, $2::uuid, 'released', at => $3::timestamptz)`;

const failed = (name: string, begun: boolean, reason: "function_error" | "event_age_exceeded"): Call => ({
  name,
  kind: "invocation_failed",
  prepare: async (s) => {
    await s.queue.enqueue(2);
    const [lease] = (await s.queue.claim()).leases;
    if (begun) await s.queue.begin(lease!.id);
    const input = { leaseId: lease!.id, invocation: "request", reason, error: ERROR, at: s.at(1) };
    return (db) => invocationFailed(db, input);
  },
});

const recovered = (name: string, begun: boolean): Call => ({
  name,
  kind: "recover",
  findsNothingLeft: true,
  prepare: async (s) => {
    await s.queue.enqueue(2);
    const [lease] = (await s.queue.claim()).leases;
    if (begun) await s.queue.begin(lease!.id);
    return (db) => recover(db, 10, s.at(100));
  },
});

const mark = (phase: "active" | "waiting" | "closing"): Call => ({
  name: `dispatcher_mark ${phase}`,
  kind: "dispatcher_mark",
  prepare: async (s) => {
    const me = uuidV7();
    await s.db.query(
      "update forgeq.wake set active_until = null, active_by = null, waiting_for = null, waiting_by = null",
    );
    if (phase !== "active") await markDispatcher(s.db, me, "active", null, s.at(0));
    return (db) => markDispatcher(db, me, phase, phase === "waiting" ? 30 : null, s.at(1));
  },
});

const PLAIN = { type: "plain", payload: { n: 1 } };

/** Every call of the protocol that a lost answer makes somebody send again. */
export const CALLS: readonly Call[] = [
  {
    name: "enqueue, the id made for the call",
    kind: "enqueue",
    makesIds: true,
    prepare: async (s) => (db) => enqueueJobs(quiet(s, db), [PLAIN]),
  },
  enqueue("enqueue, by id", () => [PLAIN]),
  {
    name: "enqueue of many alike, the ids made for the call",
    kind: "enqueue",
    makesIds: true,
    prepare: async (s) => (db) => enqueueJobs(quiet(s, db), Array(7).fill(PLAIN)),
  },
  enqueue("enqueue of many alike, by id", () => Array(7).fill(PLAIN)),
  enqueue("enqueue of a job due later", () => [{ ...PLAIN, delaySeconds: 30 }]),
  enqueue("enqueue_many", () => [PLAIN, { ...PLAIN, priority: 1 }, { ...PLAIN, delaySeconds: 300 }]),
  enqueue("enqueue with a unique key", () => [{ ...PLAIN, uniqueKey: "key" }]),
  enqueue("enqueue with a unique key that is held", () => [{ ...PLAIN, uniqueKey: "key" }], true),
  ENQUEUE_EAGERLY,
  claimWith("claim", null),
  claimWith("claim from a limited queue", 8),
  {
    name: "begin",
    kind: "begin",
    prepare: async (s) => {
      await s.queue.enqueue(3, { payload: { n: 1 } });
      const [lease] = (await s.queue.claim()).leases;
      const input = { leaseId: lease!.id, begunBy: uuidV7(), leaseSeconds: 60, invocation: "request", at: s.at(1) };
      return (db) => beginLease(db, input);
    },
  },
  {
    name: "extend",
    kind: "extend",
    prepare: async (s) => {
      const [id] = await s.queue.enqueue(1);
      const held = await s.queue.lease();
      const progress = { [id!]: { fraction: 0.5, note: "half" } };
      return async (db) => {
        for (;;) {
          const answer = await extendLease(db, { ...held, leaseSeconds: 60, progress, at: s.at(1) });
          if (answer !== "busy") return answer;
        }
      };
    },
  },
  settleAs("settle completed", "completed", 3),
  settleAs("settle completed, in a word", "completed", 3, 3, true),
  settleAs("settle retry", "retry", 2),
  settleAs("settle dead", "dead", 1),
  settleAs("settle of a part", "completed", 3, 2),
  settleAs("settle of a part as retry", "retry", 3, 1),
  {
    name: "release of a begun lease",
    kind: "release",
    prepare: async (s) => {
      await s.queue.enqueue(2);
      const held = await s.queue.lease();
      return (db) => call(db, RELEASE, [held.leaseId, held.begunBy, s.at(1)]);
    },
  },
  ...(["undispatched", "throttled"] as const).map((reason): Call => ({
    name: `release of a lease that was ${reason}`,
    kind: "release",
    prepare: async (s) => {
      await s.queue.enqueue(2);
      const [lease] = (await s.queue.claim()).leases;
      const input = { leaseId: lease!.id, reason, error: ERROR, delaySeconds: 3, at: s.at(1) };
      return (db) => releaseUnbegun(db, input);
    },
  })),
  failed("invocation_failed before it began", false, "function_error"),
  failed("invocation_failed for its age", false, "event_age_exceeded"),
  failed("invocation_failed after it began", true, "function_error"),
  recovered("recover of a lease that never began", false),
  recovered("recover of a lease that had begun", true),
  {
    name: "cancel of a free job",
    kind: "cancel",
    prepare: async (s) => {
      const [id] = await s.queue.enqueue(1, { uniqueKey: "key" });
      return (db) => cancelUntilFree(db, id!, s.at(1));
    },
  },
  {
    name: "cancel of a job under a lease",
    kind: "cancel",
    prepare: async (s) => {
      const [id] = await s.queue.enqueue(1);
      await s.queue.lease();
      return (db) => cancelUntilFree(db, id!, s.at(1));
    },
  },
  {
    name: "retry by hand",
    kind: "retry",
    prepare: async (s) => {
      const [id] = await s.queue.enqueue(1, { uniqueKey: "key" });
      await s.queue.settle(await s.queue.lease(), "dead");
      return (db) => revive(db, id!, 1, s.at(1));
    },
  },
  mark("active"),
  mark("waiting"),
  mark("closing"),
];

/** As cancelJob does: `busy` means that somebody else holds the row at this moment. */
const cancelUntilFree = async (db: Db, id: string, at: Date): Promise<unknown> => {
  for (;;) {
    const answer = await cancel(db, id, at);
    if (answer.outcome !== "busy") return answer;
  }
};
