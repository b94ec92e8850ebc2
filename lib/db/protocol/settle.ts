import { call, callForCaller, only } from "../drivers/call.ts";
import type { Db, Sql } from "../drivers/client.ts";

/** When a dispatcher should claim because of this call: null never, 0 now, otherwise in this many seconds. */
export type WakeSeconds = number | null;

/** Names a lease and the handler call that holds it. */
export interface LeaseHolder {
  readonly leaseId: string;
  readonly begunBy: string;
}

export interface AttemptError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}

/** How a handler's attempt at one job ended. */
export interface Ended {
  readonly id: string;
  readonly outcome:
    | "completed"
    | "retry"
    | "dead"
    | "released"
    | "snoozed"
    | "timed_out"
    /** By the handler itself. */
    | "cancelled"
    /** The process ends because of an error that nothing caught. */
    | "worker_crashed";
  readonly result?: unknown;
  readonly error?: AttemptError;
  /** For retry and snoozed, in seconds from now; a retry without it waits by the type's policy. */
  readonly delaySeconds?: number;
  /** The wire's name for it is a type error, also where TypeScript checks no excess properties: the delay would be ignored. */
  readonly delay_seconds?: never;
}

export type SettledState = "completed" | "dead" | "cancelled" | "scheduled" | "pending" | "lease_lost";

export interface Settled {
  readonly outcome: "settled" | "lease_lost";
  /** State by job id; `lease_lost` for a job that this lease does not hold. */
  readonly jobs: Readonly<Record<string, SettledState>>;
  readonly wakeSeconds: WakeSeconds;
}

/** What settle says of jobs: one word where it holds for all of them, which it nearly always does. */
export type BriefStates<State extends string> = State | Readonly<Record<string, State>>;

/** What it says of one of them. */
export const stateOf = <State extends string>(
  states: BriefStates<State> | undefined,
  jobId: string,
): State | "lease_lost" => (typeof states === "string" ? states : (states?.[jobId] ?? "lease_lost"));

/** An outcome on the wire. */
interface WireEnded extends Omit<Ended, "delaySeconds" | "delay_seconds"> {
  readonly delay_seconds?: number;
}

const toWire = (ended: Ended): WireEnded => {
  if (ended.delaySeconds === undefined) return ended;
  const { delaySeconds, delay_seconds: _, ...same } = ended;
  return { ...same, delay_seconds: delaySeconds };
};

/**
 * Outcomes as the functions `settle` and `settle_and_take` read them.
 *
 * @param all - of all jobs of the lease: then one word does where they completed without a result
 */
export const endedForSettle = (ended: readonly Ended[], all: boolean): readonly WireEnded[] | "completed" =>
  all && ended.every(({ outcome, result }) => outcome === "completed" && (result ?? null) === null)
    ? "completed"
    : ended.map(toWire);

// A text at first: some drivers write a string for a jsonb as a JSON string.
const SETTLE = `/* forgeq:settle */
select outcome, jobs, wake_seconds as "wakeSeconds" from forgeq.settle($1::uuid, $2::uuid, $3::text::jsonb, $4::timestamptz, true)`;

interface BrieflySettled extends Omit<Settled, "jobs"> {
  readonly jobs: BriefStates<SettledState>;
}

const toSettled = ({ jobs, ...row }: BrieflySettled, ended: readonly Ended[]): Settled => ({
  ...row,
  jobs: Object.fromEntries(ended.map(({ id }) => [id, stateOf(jobs, id)])),
});

/**
 * Writes outcomes of jobs of a begun lease; a job's first outcome stands, and a repeated call gets it as its answer.
 *
 * @param all - they are those of all jobs of the lease
 */
export const settle = async (
  db: Db,
  { leaseId, begunBy }: LeaseHolder,
  ended: readonly Ended[],
  at: Date | null,
  all = false,
): Promise<Settled> =>
  toSettled(
    only(await call<BrieflySettled>(db, SETTLE, [leaseId, begunBy, JSON.stringify(endedForSettle(ended, all)), at])),
    ended,
  );

const COMPLETE_IN = `/* forgeq:complete_in */
select s.outcome, s.jobs, s.wake_seconds as "wakeSeconds", kept.result is not null as "keptResult"
from (select forgeq.json_or_null($4::text) as result offset 0) kept
cross join lateral forgeq.settle($1::uuid, $2::uuid,
  jsonb_build_array(jsonb_build_object('id', $3::uuid, 'outcome', 'completed', 'result', kept.result)), $5::timestamptz, true) s`;

const NOT_ASCII = /[\u0080-\uffff]/g;

const inAscii = (json: string): string =>
  json.replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/**
 * A completion inside the handler's own read-committed transaction: it takes effect if and when that commits.
 *
 * @returns `keptResult` - false where the database's encoding can't write the result: the job has completed without it, and the transaction goes on
 */
export const completeIn = async (
  tx: Sql,
  holder: LeaseHolder,
  { id, result }: { readonly id: string; readonly result: unknown },
  at: Date | null,
): Promise<Settled & { readonly keptResult: boolean }> => {
  const ended: readonly Ended[] = [{ id, outcome: "completed", result }];
  const json = JSON.stringify(result ?? null);
  // Most results: every database can write them.
  if (json.search(NOT_ASCII) < 0) return { ...(await settleIn(tx, holder, ended, at)), keptResult: true };
  const { leaseId, begunBy } = holder;
  const { keptResult, ...settled } = only(
    await callForCaller<BrieflySettled & { keptResult: boolean }>(tx, COMPLETE_IN, [
      leaseId,
      begunBy,
      id,
      inAscii(json),
      at,
    ]),
  );
  return { ...toSettled(settled, ended), keptResult };
};

/** The same inside the handler's own read-committed transaction: it takes effect if and when that commits. */
export const settleIn = async (
  tx: Sql,
  holder: LeaseHolder,
  ended: readonly Ended[],
  at: Date | null,
): Promise<Settled> =>
  toSettled(
    only(
      await callForCaller<BrieflySettled>(tx, SETTLE, [
        holder.leaseId,
        holder.begunBy,
        JSON.stringify(endedForSettle(ended, false)),
        at,
      ]),
    ),
    ended,
  );
