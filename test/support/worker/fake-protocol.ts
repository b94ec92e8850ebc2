/** A database that answers a worker's statements as a seed says, in virtual time, and keeps account of the jobs that it gave. */
import { ForgeqError } from "../../../lib/core/errors.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { LeasedJob } from "../../../lib/db/protocol/leased-job.ts";
import type { SettledState } from "../../../lib/db/protocol/settle.ts";
import type {
  SettleAndTake,
  settleAndTake,
  SettledAndTaken,
  TakenFrom,
  TakenLease,
} from "../../../lib/db/protocol/take.ts";
import type { VirtualTime } from "../virtual-time.ts";

export const seeded = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};

/** `steady`: every statement is answered. `troubled`: some are not, or oddly. `away`: none is. */
export type Mood = "steady" | "troubled" | "away";

export const createFakeProtocol = (virtual: VirtualTime, random: () => number, onCall: () => void) => {
  const below = (limit: number): number => Math.floor(random() * limit);
  const chance = (part: number): boolean => random() < part;
  let mood: Mood = "steady";
  /** Due jobs that no worker holds. */
  let waiting = 0;
  /** Jobs that a worker holds, and those that it has settled. */
  const open = new Set<string>();
  const settled = new Map<string, SettledState>();
  const answers = new Map<string, SettledAndTaken>();

  const lease = (jobs: number, type = "plain"): TakenLease => {
    const made = Array.from({ length: jobs }, (): LeasedJob => {
      const id = uuidV7();
      const rest = { attempt: 1, maxAttempts: 3, depth: 0, waitedMs: null, traceparent: null, metadata: null };
      return { id, type, queue: "plain", payload: { n: 1 }, uniqueKey: null, ...rest };
    });
    return { id: uuidV7(), type, queue: "plain", leaseSeconds: 60, jobs: made };
  };

  /** The worker has heard of them: from now on it has to settle their jobs. */
  const deliver = (leases: readonly TakenLease[]): void => {
    for (const { type, jobs } of leases)
      for (const { id } of jobs) if (type !== "unknown" && !settled.has(id)) open.add(id);
  };

  const settle = (id: string): SettledState | "busy" => {
    if (mood === "troubled" && chance(0.1)) return "busy";
    if (!settled.has(id)) settled.set(id, open.delete(id) ? "completed" : "lease_lost");
    return settled.get(id)!;
  };

  const take = (input: SettleAndTake): Pick<SettledAndTaken, "queues" | "leases"> => {
    const queues: TakenFrom[] = [];
    const leases: TakenLease[] = [];
    let left = input.maxJobs;
    for (const { queue } of input.takes) {
      if (left <= 0) break;
      const odd = mood === "troubled" && chance(0.3) ? (["busy", "full", "paused"] as const)[below(3)] : undefined;
      const jobs = odd === undefined && queue === "plain" ? Math.min(left, waiting) : 0;
      waiting -= jobs;
      left -= jobs;
      if (jobs > 0) leases.push(lease(jobs, input.types[below(input.types.length)]));
      const outcome = odd ?? (jobs > 0 ? "claimed" : "empty");
      queues.push({
        queue,
        outcome,
        watermarks: ["1"],
        continued: null,
        more: odd === undefined && jobs > 0 && waiting > 0,
      });
    }
    if (mood === "troubled" && left > 0 && input.takes.length > 0 && chance(0.05)) leases.push(lease(1, "unknown"));
    return { queues, leases };
  };

  const answer = (input: SettleAndTake): SettledAndTaken => ({
    settled: Object.fromEntries(
      input.settles.map(({ leaseId, ended }) => [leaseId, Object.fromEntries(ended.map(({ id }) => [id, settle(id)]))]),
    ),
    wakeSeconds: input.settles.length > 0 && chance(0.3) ? below(3) : null,
    ...take(input),
    dueSeconds: chance(0.1) ? random() * 3 : null,
    serverMs: 1,
    housekeeping:
      input.housekeeping === undefined
        ? null
        : { leaseSeconds: null, queues: { names: ["plain", "other"] }, pushed: null, probed: true },
  });

  const call: typeof settleAndTake = async (_, input) => {
    onCall();
    await virtual.sleep(0.001 + random() * 0.03);
    if (mood === "away" || (mood === "troubled" && chance(0.2)))
      throw new ForgeqError("database_unavailable", "the database is away");
    const key = JSON.stringify([input.settles, input.takes]);
    const first = answers.get(key);
    // A retry that says that an outcome was refused can be stored.
    const storable = input.settles.every(({ ended }) => ended.every(({ outcome }) => outcome === "retry"));
    if (first === undefined && mood === "troubled" && !storable && chance(0.1))
      throw new ForgeqError("invalid_job", "a value can't be stored");
    const given = first ?? answer(input);
    const busy = Object.values(given.settled).some((states) => Object.values(states).includes("busy"));
    if (!busy) answers.set(key, given);
    // It took effect, and the answer gets lost: the same call is sent again.
    if (!busy && mood === "troubled" && chance(0.1))
      throw new ForgeqError("database_unavailable", "the answer was lost");
    deliver(given.leases);
    return given;
  };

  return {
    call,
    /** A lease that is begun for the worker without a take. */
    begin: (jobs: number, type = "plain"): TakenLease => {
      const begun = lease(jobs, type);
      deliver([begun]);
      return begun;
    },
    setMood: (next: Mood) => void (mood = next),
    store: (jobs: number) => void (waiting += jobs),
    waiting: () => waiting,
    open: () => [...open],
  };
};
