import { uuidV7 } from "../../core/uuid.ts";
import type { SettledAndTaken, TakeFrom, TakenFrom } from "../../db/protocol/take.ts";
import {
  beginScan,
  didScan,
  endScan,
  endSweep,
  isCutOffByBlock,
  isSweepDue,
  missScan,
  unscanned,
  type Watermarks,
  WIDE_EVERY_MS,
} from "../run/watermarks.ts";
import type { Time } from "../time.ts";
import { RECENT_MS } from "./plan.ts";
import { createQueueTurns, moveBehind, type QueueTurns } from "./queue-turns.ts";
import type { QueuePlaces } from "./queue-places.ts";
import type { WorkerState } from "./worker-state.ts";

/** Queues that one take visits at most. A database, or a worker, with no more than these visits all of them. */
export const TAKE_QUEUES = 64;
/** Somebody else is claiming from a limited queue, or a scan has passed over jobs of other types: it is due again after this time, on average. */
const AGAIN_MS = 20;
/** Of many queues, one that gave no job for so long is forgotten. */
const KEPT_MS = 60_000;

interface QueuePosition extends Watermarks {
  /** Where the last take ended, if its size cut it off. */
  continued: readonly string[] | null;
  /** When a take last began at the watermarks, or before them; `-Infinity`: the next one has to. */
  wideAtMs: number;
  gaveAtMs: number;
  /** When a hint or a look last named it. */
  namedAtMs: number;
  /** There may be due jobs, according to a hint, and no take has visited the queue since: worth a statement. */
  announced: boolean;
  /** The last take was cut off by its size: worth as many concurrent statements as there may be. */
  backlog: boolean;
}

const isDue = ({ announced, backlog }: QueuePosition): boolean => announced || backlog;

/** A queue that a statement takes from. */
export interface QueueTake extends TakeFrom {
  /** Somebody had announced a job there. */
  readonly announced: boolean;
  /** It continues where the last take ended. */
  readonly continued: boolean;
  /** It sweeps from the beginning, or goes on with a sweep that jobs of other types have cut off. */
  readonly sweeps: boolean;
}

/**
 * A worker's view of its queues: where its takes stand, and which queues are due. It keeps the state's counts of them.
 *
 * Up to 64 queues are all known by name. Of more, it knows those that were announced or found due, while they are due, and for a minute
 * the 64 that gave jobs or were named last.
 */
export interface QueuePositions {
  /** Replaces the queues; new ones are due. Null: there are more than 64. */
  set(names: readonly string[] | null): void;
  /** A look has found due jobs in these of many queues. What is known is visited by each poll, and needs no look. */
  found(names: readonly string[]): void;
  /** There may be due jobs in this queue; in all that are known, and those expected by now, when none is named. @returns false: there is no such queue here */
  markDue(name?: string): boolean;
  /** Jobs of this queue fall due in `seconds`. */
  expect(name: string, seconds: number): void;
  /** Seconds until the first of what is expected; null: nothing is. */
  expectedInSeconds(): number | null;
  /** A queue has become full, or has a place again: the counts change. */
  recount(): void;
  /** Whether this queue is known here, and not due, and has no places of its own. */
  noneWait(name: string): boolean;
  /** What a statement takes from: the due queues and those that gave jobs just now, or all; those first that were not visited for longest, 64 at most. */
  takes(all: boolean): readonly QueueTake[];
  /** Takes that were not made: what was announced holds. */
  missed(takes: readonly QueueTake[]): void;
  /** What a statement found by these takes. @returns the queues that are due again after a pause, with its milliseconds */
  note(
    takes: readonly QueueTake[],
    found: Pick<SettledAndTaken, "queues" | "serverMs">,
  ): readonly { readonly queue: string; readonly waitMs: number }[];
}

type Counts = Pick<WorkerState, "queues" | "dueQueues" | "backlogQueues" | "gaveAtMs">;

interface Positions {
  /** Null: the worker takes from all queues. */
  readonly fixed: ReadonlySet<string> | null;
  readonly counts: Counts;
  readonly time: Time;
  readonly places: Pick<QueuePlaces, "free">;
  /** In the order of their turns. Changed by every method. */
  readonly known: Map<string, QueuePosition>;
  readonly turns: QueueTurns;
  /** There are more queues than one take visits. Changed by `set`. */
  many: boolean;
  /** When jobs of a queue that need not be known then fall due, by a hint. Changed by `expect` and `markDue`. */
  readonly expected: Map<string, number>;
}

const unvisited = (): QueuePosition => ({
  ...unscanned(),
  continued: null,
  wideAtMs: -Infinity,
  gaveAtMs: -Infinity,
  namedAtMs: -Infinity,
  announced: true,
  backlog: false,
});

const usedAtMs = ({ gaveAtMs, namedAtMs }: QueuePosition): number => Math.max(gaveAtMs, namedAtMs);

/** Of many queues, keeps those that are due, and of the others the 64 that gave jobs or were named last, for a minute. */
const forget = ({ many, known }: Positions, nowMs: number): void => {
  if (!many) return;
  const idle = [...known].filter(([, position]) => !isDue(position));
  idle.sort(([, a], [, b]) => usedAtMs(b) - usedAtMs(a));
  for (const [n, [name, position]] of idle.entries())
    if (n >= TAKE_QUEUES || nowMs - usedAtMs(position) >= KEPT_MS) known.delete(name);
};

const count = ({ counts, known, places }: Positions): void => {
  counts.queues = counts.dueQueues = counts.backlogQueues = 0;
  counts.gaveAtMs = -Infinity;
  for (const [name, position] of known) {
    if (places.free(name) <= 0) continue;
    counts.queues += 1;
    if (isDue(position)) counts.dueQueues += 1;
    if (position.backlog) counts.backlogQueues += 1;
    counts.gaveAtMs = Math.max(counts.gaveAtMs, position.gaveAtMs);
  }
};

/** The position of a queue, which need not be known where there are many. Undefined: the worker does not take from it. */
const positionOf = ({ known, many, fixed, time }: Positions, name: string): QueuePosition | undefined => {
  let position = known.get(name);
  if (position === undefined && many && fixed?.has(name) !== false) known.set(name, (position = unvisited()));
  if (position !== undefined) position.namedAtMs = time.elapsedMs();
  return position;
};

/** Nothing was scanned: what this take was to see, the next one has to. */
const miss = (position: QueuePosition, { watermarks, continued, sweeps }: QueueTake): void => {
  missScan(position, sweeps ? null : watermarks);
  if (!continued) position.wideAtMs = -Infinity;
};

const takeFrom = (queue: string, position: QueuePosition, free: number, nowMs: number): QueueTake => {
  const { announced } = position;
  position.announced = false;
  const sweeps = position.marks === null || isSweepDue(position, nowMs);
  const continues = !sweeps && !announced && nowMs - position.wideAtMs < WIDE_EVERY_MS && position.continued !== null;
  if (!continues) position.wideAtMs = nowMs;
  const watermarks = continues ? position.continued : beginScan(position, nowMs, sweeps);
  const most = free === Infinity ? {} : { mostJobs: free };
  return { queue, claimId: uuidV7(), watermarks, announced, continued: continues, sweeps, ...most };
};

/** The queues that a statement visits: those that are due first where they are too many. */
const toVisit = ({ known, places }: Positions, all: boolean, nowMs: number): [string, QueuePosition][] => {
  const visited = [...known].filter(
    ([name, position]) => (all || isDue(position) || nowMs - position.gaveAtMs < RECENT_MS) && places.free(name) > 0,
  );
  if (visited.length <= TAKE_QUEUES) return visited;
  const due = visited.filter(([, position]) => isDue(position));
  return [...due, ...visited.filter(([, position]) => !isDue(position))].slice(0, TAKE_QUEUES);
};

/** What a take found of a queue. */
const note = (
  position: QueuePosition,
  take: QueueTake,
  found: TakenFrom,
  { nowMs, tookMs }: { readonly nowMs: number; readonly tookMs: number },
): void => {
  position.backlog = found.more && found.outcome !== "busy" && !isCutOffByBlock(found);
  if (found.outcome === "claimed") position.gaveAtMs = nowMs;
  if (!didScan(found)) return miss(position, take);
  position.continued = found.continued ?? null;
  if (take.sweeps) endSweep(position, found, tookMs);
  // Watermarks that a continued take gives have lost their lag.
  else if (!take.continued) endScan(position, take.watermarks, found, tookMs);
};

/**
 * Somebody else was claiming, or jobs of other types were passed over. A sweep of them goes on in its own time. Where a job was
 * announced, it lies ahead of the watermarks, and a scan from there has to follow.
 */
const isDueAgain = ({ sweepFrom }: QueuePosition, { sweeps, announced }: QueueTake, found: TakenFrom): boolean =>
  found.outcome === "busy" || (isCutOffByBlock(found) && (announced || !sweeps || sweepFrom === null));

/** Forgets the queues whose expected jobs have fallen due. @returns their names */
const takeExpected = ({ expected }: Positions, nowMs: number): string[] => {
  const due = [...expected].flatMap(([name, atMs]) => (atMs <= nowMs ? [name] : []));
  for (const name of due) expected.delete(name);
  return due;
};

const markDue = (positions: Positions, name: string | undefined, nowMs: number): boolean => {
  const names = name === undefined ? [...positions.known.keys(), ...takeExpected(positions, nowMs)] : [name];
  const due = names.map((each) => positionOf(positions, each));
  for (const position of due) if (position !== undefined) position.announced = true;
  count(positions);
  return due[0] !== undefined;
};

/** Replaces the queues; those that stay keep their turns. */
const setNames = (positions: Positions, names: readonly string[] | null): void => {
  const { known, expected } = positions;
  positions.many = names === null;
  if (names !== null) {
    const wanted = new Set(names);
    for (const name of known.keys()) if (!wanted.has(name)) known.delete(name);
    for (const name of wanted) if (!known.has(name)) known.set(name, unvisited());
    expected.clear();
  }
  count(positions);
};

/** @param fixed - the only queues that the worker takes from; null: all */
export const createQueuePositions = (
  counts: Counts,
  { time, random }: { readonly time: Time; readonly random: () => number },
  fixed: readonly string[] | null = null,
  places: Pick<QueuePlaces, "free"> = { free: () => Infinity },
): QueuePositions => {
  const positions: Positions = {
    fixed: fixed && new Set(fixed),
    counts,
    time,
    places,
    known: new Map(),
    turns: createQueueTurns(),
    many: false,
    expected: new Map(),
  };
  const { known, expected } = positions;

  return {
    set: (names) => setNames(positions, names),
    found: (names) => {
      for (const name of names) positionOf(positions, name);
      count(positions);
    },
    markDue: (name) => markDue(positions, name, time.elapsedMs()),
    expect: (name, seconds) => {
      if (!positions.many) return;
      expected.set(name, Math.min(expected.get(name) ?? Infinity, time.elapsedMs() + seconds * 1000));
    },
    expectedInSeconds: () =>
      expected.size === 0 ? null : Math.max(0, Math.min(...expected.values()) - time.elapsedMs()) / 1000,
    recount: () => count(positions),
    noneWait: (name) => {
      const position = known.get(name);
      return position !== undefined && !isDue(position) && places.free(name) === Infinity;
    },
    takes: (all) => {
      const nowMs = time.elapsedMs();
      forget(positions, nowMs);
      const visited = positions.turns.inTurn(toVisit(positions, all, nowMs));
      // A statement that is sent before the answer begins with another one.
      moveBehind(
        known,
        visited.slice(0, 1).map(([name]) => name),
      );
      const takes = visited.map(([queue, position]) => takeFrom(queue, position, places.free(queue), nowMs));
      count(positions);
      return takes;
    },
    missed: (takes) => {
      for (const take of takes) {
        const position = take.announced ? positionOf(positions, take.queue) : known.get(take.queue);
        if (position === undefined) continue;
        position.announced ||= take.announced;
        miss(position, take);
      }
      count(positions);
    },
    note: (takes, { queues, serverMs }) => {
      const takeOf = new Map(takes.map((take) => [take.queue, take]));
      const again: string[] = [];
      for (const found of queues) {
        const position = known.get(found.queue);
        const take = takeOf.get(found.queue);
        if (position === undefined || take === undefined) continue;
        note(position, take, found, { nowMs: time.elapsedMs(), tookMs: serverMs });
        if (isDueAgain(position, take, found)) again.push(found.queue);
      }
      moveBehind(
        known,
        queues.map(({ queue }) => queue),
      );
      count(positions);
      return again.map((queue) => ({ queue, waitMs: AGAIN_MS * (0.5 + random()) }));
    },
  };
};
