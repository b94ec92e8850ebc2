import { DEFAULTS } from "../../core/job.ts";
import { uuidV7 } from "../../core/uuid.ts";
import { claim, type Claimed } from "../../db/protocol/leases.ts";
import { mapConcurrently } from "../concurrency.ts";
import type { Deps } from "../deps.ts";
import { sendLease } from "../invoke/send-lease.ts";
import {
  beginScan,
  didScan,
  endScan,
  isCutOffByBlock,
  isSweepDue,
  missScan,
  unscanned,
  type Watermarks,
  WIDE_EVERY_MS,
} from "../run/watermarks.ts";

const CLAIM_JOBS = 500;
const CONCURRENT_INVOKES = 16;
const CONCURRENT_QUEUES = 4;

export interface ScanResult {
  readonly jobs: number;
  readonly leases: number;
  readonly refused: number;
  /** Another scan may find jobs immediately: a claim was cut off, or somebody else was claiming. */
  readonly more: boolean;
  /** Queues where something was claimed, or would have been but for a limit or another claimer. */
  readonly due: readonly string[];
  /** Queues that somebody else was claiming from: what they hold was not seen. */
  readonly busy: readonly string[];
  /** Queues of which a part was seen, because of the block list; the next scan goes on from there. */
  readonly cutOff: readonly string[];
}

interface Position extends Watermarks {
  /** The types that were blocked when the last claim saw them. */
  blocks: readonly string[];
  /** The last scan ended before the end of the queue, because of the block list. */
  cutOff: boolean;
  /** Where the last claim ended, if its size cut it off. */
  continued: readonly string[] | null;
  /** When a claim last began at the watermarks, or before them; `-Infinity`: the next one has to. */
  wideAtMs: number;
}

const unvisited = (): Position => ({ ...unscanned(), blocks: [], cutOff: false, continued: null, wideAtMs: -Infinity });

/** Begins a claim's scan. @returns where it starts, and whether that is where the last one ended */
const begin = (position: Position, nowMs: number, sweeps: boolean) => {
  const { continued, wideAtMs } = position;
  if (!sweeps && continued !== null && nowMs - wideAtMs < WIDE_EVERY_MS) return { start: continued, continues: true };
  position.wideAtMs = nowMs;
  return { start: beginScan(position, nowMs, sweeps), continues: false };
};

/** Ends it by what the database said. Watermarks that a continued scan gives have lost their lag. */
const end = (
  position: Position,
  { start, continues }: ReturnType<typeof begin>,
  claimed: Claimed,
  tookMs: number,
): void => {
  if (!continues) endScan(position, start, claimed, tookMs);
  if (!didScan(claimed)) {
    if (!continues) position.wideAtMs = -Infinity;
    return;
  }
  position.continued = claimed.continued;
  position.cutOff = isCutOffByBlock(claimed);
};

/** Notes the blocked types. Jobs of one that is blocked no longer lie behind the watermarks: a sweep is owed. @returns whether it is */
const noteBlocks = (position: Position, { blocks }: Claimed): boolean => {
  const now = blocks ?? [];
  const lifted = position.blocks.some((type) => !now.includes(type));
  position.blocks = now;
  if (lifted) position.sweptAtMs = -Infinity;
  return lifted;
};

/** How far one claim of a queue got. */
const toScanResult = (queue: string, claimed: Claimed, refused: number, lifted: boolean): ScanResult => ({
  jobs: jobsOf(claimed),
  leases: claimed.leases.length,
  refused,
  more: claimed.more || lifted,
  due: !lifted && (claimed.outcome === "empty" || claimed.outcome === "paused") ? [] : [queue],
  busy: claimed.outcome === "busy" ? [queue] : [],
  cutOff: isCutOffByBlock(claimed) ? [queue] : [],
});

const jobsOf = ({ leases }: Claimed): number => leases.reduce((sum, { jobs }) => sum + jobs, 0);

export const addUp = (results: readonly ScanResult[]): ScanResult => {
  const sum = (pick: (result: ScanResult) => number) => results.reduce((total, result) => total + pick(result), 0);
  return {
    jobs: sum(({ jobs }) => jobs),
    leases: sum(({ leases }) => leases),
    refused: sum(({ refused }) => refused),
    more: results.some(({ more }) => more),
    due: results.flatMap(({ due }) => due),
    busy: results.flatMap(({ busy }) => busy),
    cutOff: results.flatMap(({ cutOff }) => cutOff),
  };
};

/**
 * One dispatcher's view of the queues: where its scans of each stand.
 * Scans go on from a watermark; every 5 s, at the first visit of a queue and when a type is blocked no longer they begin anew.
 */
export const createScanner = (deps: Deps) => {
  const nowMs = deps.time.elapsedMs;
  const positions = new Map<string, Position>();

  const scanQueue = async (queue: string, sweep: boolean): Promise<ScanResult> => {
    const position = positions.get(queue) ?? unvisited();
    positions.set(queue, position);
    const beganAtMs = nowMs();
    // A sweep that was cut off goes on to its end, or it would never get there.
    const scan = begin(position, beganAtMs, sweep || (!position.cutOff && isSweepDue(position, beganAtMs)));
    const claimed = await claim(deps.db, {
      queue,
      claimId: uuidV7(),
      maxJobs: CLAIM_JOBS,
      watermarks: scan.start,
      blockedTypes: [],
      dispatchSeconds: DEFAULTS.dispatchSeconds,
      at: deps.clock(),
    }).catch((error: unknown) => {
      missScan(position, scan.start);
      throw error;
    });
    end(position, scan, claimed, nowMs() - beganAtMs);
    if (!didScan(claimed) && scan.start === null) position.cutOff = false;
    const lifted = noteBlocks(position, claimed);
    const sent = await mapConcurrently(claimed.leases, CONCURRENT_INVOKES, (lease) => sendLease(deps, lease));
    const jobs = jobsOf(claimed);
    const refused = sent.filter(({ outcome }) => outcome !== "accepted").length;
    if (jobs > 0) deps.metrics.count("JobsLeased", jobs, { queue });
    if (refused > 0) deps.metrics.count("InvokesRefused", refused, { queue });
    return toScanResult(queue, claimed, refused, lifted);
  };

  return {
    /** Claims once in each of the queues and sends what it got. */
    scan: async (queues: readonly string[], options: { readonly sweep: boolean }): Promise<ScanResult> =>
      addUp(await mapConcurrently(queues, CONCURRENT_QUEUES, (queue) => scanQueue(queue, options.sweep))),
  };
};

export type Scanner = ReturnType<typeof createScanner>;
