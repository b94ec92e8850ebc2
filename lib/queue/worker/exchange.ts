import type { SettleAndTake, SettledAndTaken } from "../../db/protocol/take.ts";
import type { Deps } from "../deps.ts";
import type { Settlement, Settles } from "../run/settling.ts";
import type { CapacityOffering } from "./capacity-offer.ts";
import type { Housekeeper } from "./housekeeping.ts";
import type { WorkerLeases } from "./leases.ts";
import type { LostPushes } from "./lost-pushes.ts";
import type { Outbox } from "./outbox.ts";
import type { Outcomes } from "./outcomes.ts";
import { noteRoundTrip } from "./pace.ts";
import type { Statement } from "./plan.ts";
import type { Poll } from "./poll.ts";
import type { QueuePlaces } from "./queue-places.ts";
import type { QueuePositions, QueueTake } from "./queue-positions.ts";
import type { Sender } from "./sender.ts";
import type { WorkerState } from "./worker-state.ts";

/** A job falling due within this is waited for; later ones are found by a poll. */
const DUE_HORIZON_SECONDS = 10;

/** What an exchange fills, empties and tells. */
export interface ExchangeParts {
  /** What the worker begins its leases with. */
  readonly worker: string;
  readonly invocation: string;
  readonly outbox: Outbox;
  readonly sender: Sender;
  readonly queues: QueuePositions;
  readonly places: Pick<QueuePlaces, "take">;
  readonly leases: WorkerLeases;
  readonly outcomes: Outcomes;
  readonly offer: Pick<CapacityOffering, "offer" | "answered">;
  readonly lostPushes: Pick<LostPushes, "found" | "leave">;
  readonly poll: Pick<Poll, "polled" | "due">;
  readonly housekeeping: Pick<Housekeeper, "finds" | "found" | "wantsTurn">;
  /** Runs something in `ms`; the worker is not quiet until then. */
  readonly later: (ms: number, run: () => void) => void;
}

const toInput = (
  deps: Deps,
  state: WorkerState,
  parts: ExchangeParts,
  statement: Statement,
): SettleAndTake & { readonly takes: readonly QueueTake[] } => {
  const { worker, invocation, outbox, leases, queues, offer, housekeeping } = parts;
  const takes = statement.visits === "none" ? [] : queues.takes(statement.visits === "all");
  return {
    worker,
    settles: outbox
      .take(statement.settleJobs)
      .map((each) => ({ ...each, all: leases.isAll(each.leaseId, each.ended) })),
    takes,
    types: state.runnableTypes,
    maxJobs: Math.min(
      statement.takeJobs,
      takes.reduce((jobs, { mostJobs = Infinity }) => jobs + mostJobs, 0),
    ),
    invocation,
    dueHorizonSeconds: DUE_HORIZON_SECONDS,
    ...(statement.housekeeping && {
      housekeeping: { offer: offer.offer(), find: housekeeping.finds(), turn: housekeeping.wantsTurn },
    }),
    at: deps.clock(),
  };
};

const foundUnannounced = (takes: readonly QueueTake[], { leases }: SettledAndTaken): boolean =>
  leases.some(({ queue }) => takes.some((take) => take.queue === queue && !take.announced));

const givesBack = (settles: Settles): boolean =>
  settles.some(({ ended }) => ended.some(({ outcome }) => outcome === "released"));

/** Wakes whoever goes on with the capacity that these outcomes have freed: this worker, or others where it takes nothing more. */
const wake = (
  deps: Deps,
  state: WorkerState,
  { queues, poll }: ExchangeParts,
  wakeSeconds: number,
  released: boolean,
  freed: Iterable<string>,
): void => {
  if (wakeSeconds === 0) for (const queue of freed) queues.markDue(queue);
  if (state.accepting && wakeSeconds > 0) poll.due(wakeSeconds);
  if (!state.accepting || released) void deps.hintWorkers?.(wakeSeconds, undefined);
};

const absorb = (
  deps: Deps,
  state: WorkerState,
  parts: ExchangeParts,
  settles: Settles,
  takes: readonly QueueTake[],
  found: SettledAndTaken,
): void => {
  const { queues, leases, outcomes, poll, housekeeping, lostPushes, later } = parts;
  const freed = outcomes.note(settles, found);
  leases.start(found.leases);
  for (const { queue, waitMs } of queues.note(takes, found)) later(waitMs, () => queues.markDue(queue));
  if (found.wakeSeconds !== null) {
    const visited = new Set(found.queues.map(({ queue }) => queue));
    const unvisited = [...freed].filter((queue) => !visited.has(queue));
    wake(deps, state, parts, found.wakeSeconds, givesBack(settles), unvisited);
  }
  if (found.dueSeconds !== null) poll.due(found.dueSeconds);
  if (found.housekeeping === null) return;
  if (state.accepting) housekeeping.found(found.housekeeping);
  if (found.housekeeping.pushed === null) return;
  // Read before these outcomes were written.
  const written = new Set(settles.map(({ leaseId }) => leaseId));
  lostPushes.found(found.housekeeping.pushed.filter(({ id }) => !written.has(id)));
};

const absorbAll = (
  deps: Deps,
  state: WorkerState,
  parts: ExchangeParts,
  statement: Statement,
  takes: readonly QueueTake[],
  { answered, unwritten }: Settlement<SettledAndTaken>,
): void => {
  const visited = new Set(answered.flatMap(({ answer }) => answer.queues.map(({ queue }) => queue)));
  parts.queues.missed(takes.filter(({ queue }) => !visited.has(queue)));
  for (const { settles, answer } of answered) absorb(deps, state, parts, settles, takes, answer);
  const unannounced = answered.some(({ answer }) => foundUnannounced(takes, answer));
  if (statement.poll || statement.visits === "all" || unannounced) parts.poll.polled(unannounced);
  if (unwritten === null) return;
  parts.lostPushes.leave(unwritten.settles.map(({ leaseId }) => leaseId));
  parts.outcomes.forget(unwritten.settles, unwritten.error);
};

/** Keeps what the takes of a statement may bring, or with -1 gives it back: slots of the worker, and places of queues that have their own. */
const reserve = (
  state: WorkerState,
  { places }: ExchangeParts,
  { maxJobs, takes }: ReturnType<typeof toInput>,
  sign: 1 | -1,
): void => {
  state.reservedJobs += sign * maxJobs;
  for (const { queue, mostJobs } of takes)
    if (mostJobs !== undefined) places.take(queue, sign * Math.min(mostJobs, maxJobs));
};

/** Sends one statement, and absorbs its answer: counters that it moves are put back before, whatever the answer. */
export const exchange = async (
  deps: Deps,
  state: WorkerState,
  parts: ExchangeParts,
  statement: Statement,
): Promise<void> => {
  const input = toInput(deps, state, parts, statement);
  if (statement.poll) state.pollDue = false;
  state.statements += 1;
  reserve(state, parts, input, 1);
  const sentAtMs = deps.time.elapsedMs();
  let settlement: Settlement<SettledAndTaken>;
  try {
    settlement = await parts.sender.send(input);
  } finally {
    state.statements -= 1;
    reserve(state, parts, input, -1);
  }
  const [first] = settlement.answered;
  if (first !== undefined) noteRoundTrip(state, deps.time.elapsedMs() - sentAtMs - first.answer.serverMs);
  if (typeof input.housekeeping?.offer?.probe === "string")
    parts.offer.answered(settlement.answered.some(({ answer }) => answer.housekeeping?.probed === true));
  absorbAll(deps, state, parts, statement, input.takes, settlement);
};
