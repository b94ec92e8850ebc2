import { uuidV7 } from "../../core/uuid.ts";
import type { SettledAndTaken, TakeFrom } from "../../db/protocol/take.ts";
import type { Time } from "../time.ts";

const SWEEP_EVERY_MS = 5_000;
/** Somebody else is claiming from a limited queue: look again so much later, on average. */
const BUSY_MS = 20;
/** While more jobs wait than looks bring, a look goes on where the last one ended; so often one sees what has committed late. See docs/adr/0016. */
const WIDE_EVERY_MS = 100;
/** A queue that gave jobs so recently is looked at by every statement that is sent anyway. */
const RECENT_MS = 1_000;

interface Position {
  watermarks: readonly string[] | null;
  /** Where the last look ended, if it was cut off. */
  near: readonly string[] | null;
  sweptAtMs: number;
  wideAtMs: number;
  gaveAtMs: number;
  /** There may be due jobs, and no statement has looked since: worth one. */
  hinted: boolean;
  /** The last look was cut off by its size: worth as many statements as go at once. */
  more: boolean;
}

const isHot = ({ hinted, more }: Position): boolean => hinted || more;

/** A queue that a statement visits, and whether a hint sends it there. */
export interface Look extends TakeFrom {
  readonly hinted: boolean;
  /** Goes on where the last look ended. */
  readonly near: boolean;
}

/** A worker's view of its queues: where its takes stand, and which of them are worth a look. */
export interface WorkerQueues {
  /** Replaces the queues; new ones are hot. */
  set(names: readonly string[]): void;
  /** There may be due jobs in this queue; in all of them when none is named. @returns false: there is no such queue here */
  heat(name?: string): boolean;
  anyHot(): boolean;
  /** There are more due jobs than the last look could bring. */
  anyMore(): boolean;
  /** Of this queue no jobs are known that no statement looks for. */
  noneWait(name: string): boolean;
  /** What a statement visits: the hot queues and those that gave jobs just now, or all; each time another one first. */
  takes(all: boolean): readonly Look[];
  /** Looks that were not made: their hints hold. */
  unseen(looks: readonly Look[]): void;
  /** What a statement found by these looks. @returns the queues where somebody else was claiming, with the milliseconds to wait */
  note(looks: readonly Look[], found: SettledAndTaken): readonly { readonly queue: string; readonly waitMs: number }[];
}

/** What this look was to see, the next one has to: nothing was scanned. */
const owe = (position: Position, { watermarks, near }: Look): void => {
  if (watermarks === null) position.sweptAtMs = -Infinity;
  if (!near) position.wideAtMs = -Infinity;
};

export const createWorkerQueues = (time: Time, random: () => number): WorkerQueues => {
  let positions = new Map<string, Position>();

  return {
    set: (names) => {
      const fresh = (): Position => ({
        watermarks: null,
        near: null,
        sweptAtMs: -Infinity,
        wideAtMs: -Infinity,
        gaveAtMs: -Infinity,
        hinted: true,
        more: false,
      });
      positions = new Map(names.map((name) => [name, positions.get(name) ?? fresh()]));
    },
    heat: (name) => {
      const heated = name === undefined ? [...positions.values()] : [positions.get(name)];
      for (const position of heated) if (position !== undefined) position.hinted = true;
      return heated[0] !== undefined;
    },
    anyHot: () => [...positions.values()].some(isHot),
    anyMore: () => [...positions.values()].some(({ more }) => more),
    noneWait: (name) => {
      const position = positions.get(name);
      return position !== undefined && !isHot(position);
    },
    takes: (all) => {
      const now = time.elapsedMs();
      const visited = [...positions].filter(
        ([, position]) => all || isHot(position) || now - position.gaveAtMs < RECENT_MS,
      );
      const [first] = visited;
      if (first !== undefined && visited.length > 1) {
        // To the end, so that the next statement begins with another one.
        positions.delete(first[0]);
        positions.set(...first);
      }
      return visited.map(([queue, position]) => {
        const sweep = now - position.sweptAtMs >= SWEEP_EVERY_MS;
        if (sweep) position.sweptAtMs = now;
        const { hinted } = position;
        position.hinted = false;
        const near = !sweep && !hinted && now - position.wideAtMs < WIDE_EVERY_MS ? position.near : null;
        if (near === null) position.wideAtMs = now;
        const watermarks = sweep ? null : (near ?? position.watermarks);
        return { queue, claimId: uuidV7(), watermarks, hinted, near: near !== null };
      });
    },
    unseen: (looks) => {
      for (const look of looks) {
        const position = positions.get(look.queue);
        if (position === undefined) continue;
        position.hinted ||= look.hinted;
        owe(position, look);
      }
    },
    note: (looks, { queues }) => {
      const now = time.elapsedMs();
      const lookOf = new Map(looks.map((look) => [look.queue, look]));
      for (const { queue, outcome, watermarks, continued: near = null, more } of queues) {
        const position = positions.get(queue);
        const look = lookOf.get(queue);
        if (position === undefined || look === undefined) continue;
        if (outcome === "claimed" || outcome === "empty") {
          position.near = near;
          // What a near look gives has lost its lag.
          if (!look.near) position.watermarks = watermarks;
        } else owe(position, look);
        if (outcome === "claimed") position.gaveAtMs = now;
        position.more = more && outcome !== "busy";
      }
      return queues
        .filter(({ outcome }) => outcome === "busy")
        .map(({ queue }) => ({ queue, waitMs: BUSY_MS * (0.5 + random()) }));
    },
  };
};
