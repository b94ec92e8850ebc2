import { uuidV7 } from "../../core/uuid.ts";
import type { SettledAndTaken, TakeFrom } from "../../db/protocol/take.ts";
import {
  beginScan,
  didScan,
  endScan,
  isSweepDue,
  missScan,
  unscanned,
  type Watermarks,
  WIDE_EVERY_MS,
} from "../run/watermarks.ts";
import type { Time } from "../time.ts";
import { RECENT_MS } from "./plan.ts";
import type { WorkerState } from "./worker-state.ts";

/** Somebody else is claiming from a limited queue: it is due again after this time, on average. */
const BUSY_MS = 20;

interface QueuePosition extends Watermarks {
  /** Where the last take ended, if its size cut it off. */
  continued: readonly string[] | null;
  /** When a take last began at the watermarks, or before them; `-Infinity`: the next one has to. */
  wideAtMs: number;
  gaveAtMs: number;
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
}

/** A worker's view of its queues: where its takes stand, and which queues are due. It keeps the state's counts of them. */
export interface QueuePositions {
  /** Replaces the queues; new ones are due. */
  set(names: readonly string[]): void;
  /** There may be due jobs in this queue; in all of them when none is named. @returns false: there is no such queue here */
  markDue(name?: string): boolean;
  /** Whether this queue is known here, and not due. */
  noneWait(name: string): boolean;
  /** What a statement takes from: the due queues and those that gave jobs just now, or all; each time another one first. */
  takes(all: boolean): readonly QueueTake[];
  /** Takes that were not made: what was announced holds. */
  missed(takes: readonly QueueTake[]): void;
  /** What a statement found by these takes. @returns the queues where somebody else was claiming, with the milliseconds to wait */
  note(
    takes: readonly QueueTake[],
    found: Pick<SettledAndTaken, "queues" | "serverMs">,
  ): readonly { readonly queue: string; readonly waitMs: number }[];
}

type Counts = Pick<WorkerState, "queues" | "dueQueues" | "backlogQueues" | "gaveAtMs">;

const unvisited = (): QueuePosition => ({
  ...unscanned(),
  continued: null,
  wideAtMs: -Infinity,
  gaveAtMs: -Infinity,
  announced: true,
  backlog: false,
});

const count = (counts: Counts, positions: ReadonlyMap<string, QueuePosition>): void => {
  counts.queues = positions.size;
  counts.dueQueues = counts.backlogQueues = 0;
  counts.gaveAtMs = -Infinity;
  for (const position of positions.values()) {
    if (isDue(position)) counts.dueQueues += 1;
    if (position.backlog) counts.backlogQueues += 1;
    counts.gaveAtMs = Math.max(counts.gaveAtMs, position.gaveAtMs);
  }
};

/** Nothing was scanned: what this take was to see, the next one has to. */
const miss = (position: QueuePosition, { watermarks, continued }: QueueTake): void => {
  missScan(position, watermarks);
  if (!continued) position.wideAtMs = -Infinity;
};

const takeFrom = (queue: string, position: QueuePosition, nowMs: number): QueueTake => {
  const { announced } = position;
  position.announced = false;
  const sweeps = isSweepDue(position, nowMs);
  const continues = !sweeps && !announced && nowMs - position.wideAtMs < WIDE_EVERY_MS && position.continued !== null;
  if (!continues) position.wideAtMs = nowMs;
  const watermarks = continues ? position.continued : beginScan(position, nowMs, sweeps);
  return { queue, claimId: uuidV7(), watermarks, announced, continued: continues };
};

/** Moves the first of several to the end, so that the next statement begins with another one. */
const rotate = (positions: Map<string, QueuePosition>, visited: readonly [string, QueuePosition][]): void => {
  const [first] = visited;
  if (first === undefined || visited.length < 2) return;
  positions.delete(first[0]);
  positions.set(...first);
};

export const createQueuePositions = (
  counts: Counts,
  { time, random }: { readonly time: Time; readonly random: () => number },
): QueuePositions => {
  let positions = new Map<string, QueuePosition>();

  return {
    set: (names) => {
      positions = new Map(names.map((name) => [name, positions.get(name) ?? unvisited()]));
      count(counts, positions);
    },
    markDue: (name) => {
      const due = name === undefined ? [...positions.values()] : [positions.get(name)];
      for (const position of due) if (position !== undefined) position.announced = true;
      count(counts, positions);
      return due[0] !== undefined;
    },
    noneWait: (name) => {
      const position = positions.get(name);
      return position !== undefined && !isDue(position);
    },
    takes: (all) => {
      const nowMs = time.elapsedMs();
      const visited = [...positions].filter(
        ([, position]) => all || isDue(position) || nowMs - position.gaveAtMs < RECENT_MS,
      );
      rotate(positions, visited);
      const takes = visited.map(([queue, position]) => takeFrom(queue, position, nowMs));
      count(counts, positions);
      return takes;
    },
    missed: (takes) => {
      for (const take of takes) {
        const position = positions.get(take.queue);
        if (position === undefined) continue;
        position.announced ||= take.announced;
        miss(position, take);
      }
      count(counts, positions);
    },
    note: (takes, { queues, serverMs }) => {
      const takeOf = new Map(takes.map((take) => [take.queue, take]));
      for (const found of queues) {
        const position = positions.get(found.queue);
        const take = takeOf.get(found.queue);
        if (position === undefined || take === undefined) continue;
        if (didScan(found)) {
          position.continued = found.continued ?? null;
          // Watermarks that a continued take gives have lost their lag.
          if (!take.continued) endScan(position, take.watermarks, found, serverMs);
        } else miss(position, take);
        if (found.outcome === "claimed") position.gaveAtMs = time.elapsedMs();
        position.backlog = found.more && found.outcome !== "busy";
      }
      count(counts, positions);
      return queues
        .filter(({ outcome }) => outcome === "busy")
        .map(({ queue }) => ({ queue, waitMs: BUSY_MS * (0.5 + random()) }));
    },
  };
};
