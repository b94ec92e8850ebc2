import { uuidV7 } from "../core/uuid.ts";
import { dispatchableQueues } from "../db/queues.ts";
import { markDispatcher, nextDue } from "../db/wake.ts";
import type { Deps } from "./deps.ts";
import { createScanner, type Scanner, type ScanResult } from "./scan.ts";
import { WAIT_HORIZON_SECONDS } from "./wake.ts";

/** Pauses between looks at busy queues before the dispatcher closes: freed places and new jobs start without a new invocation. */
const LINGER_SECONDS = [0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.4];
const CLOSING_SECONDS = [0, 0.3, 0.7];
const RENEW_EVERY_MS = 1_000;
/** Kept free before the invocation's own time-out. */
const RESERVE_MS = 10_000;

export interface DispatchReport {
  readonly leases: number;
  readonly jobs: number;
  readonly refused: number;
  /** `handed_over`: time was up with work left, and another dispatcher was invoked. */
  readonly ended: "idle" | "another_active" | "another_waiting" | "handed_over";
}

/**
 * One dispatcher: claims due jobs of all queues and invokes their handlers, until nothing is due; waits inside its
 * invocation for jobs due within 120 s; ends a margin before its time is up, handing over what is left.
 *
 * Any number may run at once: claims are exclusive. One that finds another active ends, because that one sweeps before it ends.
 *
 * @param hint.queue - visited first
 * @param remainingMs - milliseconds left of this invocation
 */
export const dispatch = async (
  deps: Deps,
  hint: { readonly queue?: string | undefined },
  remainingMs: () => number,
): Promise<DispatchReport> => {
  const me = uuidV7();
  const scanner = createScanner(deps);
  const total = { leases: 0, jobs: 0, refused: 0 };
  const outOfTime = () => remainingMs() < RESERVE_MS;
  const mark = (phase: "active" | "waiting" | "closing", waitSeconds: number | null = null) =>
    markDispatcher(deps.db, me, phase, waitSeconds, deps.clock());
  const counted = (result: ScanResult): ScanResult => {
    total.leases += result.leases;
    total.jobs += result.jobs;
    total.refused += result.refused;
    return result;
  };

  let first = hint.queue;
  for (;;) {
    if (!(await mark("active"))) return { ...total, ended: "another_active" };
    const names = await dispatchableQueues(deps.db);
    const queues =
      first !== undefined && names.includes(first) ? [first, ...names.filter((name) => name !== first)] : names;
    first = undefined;

    await drain(deps, scanner, queues, () => mark("active"), outOfTime, counted);
    const waitSeconds = outOfTime() ? null : await nextDue(deps.db, waitable(remainingMs()), deps.clock());
    const waiting = waitSeconds !== null && (await mark("waiting", waitSeconds));
    if (!waiting) await mark("closing");
    // No longer active: who enqueued before that mark was not told to wake anybody, so look once more.
    if (!outOfTime() && (await lookAgain(deps, scanner, queues, waiting ? [0] : CLOSING_SECONDS, counted))) continue;
    if (waiting) {
      const sooner = await nextDue(deps.db, waitSeconds, deps.clock());
      await deps.sleep(Math.min(waitSeconds, sooner ?? waitSeconds));
      continue;
    }
    if (outOfTime()) {
      await handOver(deps);
      return { ...total, ended: "handed_over" };
    }
    const missed = await nextDue(deps.db, waitable(remainingMs()), deps.clock());
    if (missed !== null && waitSeconds === null) continue;
    return { ...total, ended: waitSeconds === null ? "idle" : "another_waiting" };
  }
};

const waitable = (remainingMs: number): number =>
  Math.max(0, Math.min(WAIT_HORIZON_SECONDS, (remainingMs - 2 * RESERVE_MS) / 1000));

/** Claims until nothing is due and, while queues are busy, for about a second more. */
const drain = async (
  deps: Deps,
  scanner: Scanner,
  queues: readonly string[],
  renew: () => Promise<boolean>,
  outOfTime: () => boolean,
  counted: (result: ScanResult) => ScanResult,
): Promise<void> => {
  let renewedAtMs = deps.time.elapsedMs();
  let lingered = 0;
  let visited = queues;
  const hot = new Set<string>();
  while (!outOfTime()) {
    const result = counted(await scanner.scan(visited, { sweep: false }));
    for (const queue of result.hot) hot.add(queue);
    if (deps.time.elapsedMs() - renewedAtMs >= RENEW_EVERY_MS) {
      renewedAtMs = deps.time.elapsedMs();
      visited = queues;
      if (!(await renew())) return;
    } else {
      visited = [...hot];
    }
    if (result.jobs > 0) lingered = 0;
    if (result.jobs > 0 && result.more) continue;
    const pause = LINGER_SECONDS[lingered];
    if (hot.size === 0 || pause === undefined) return;
    lingered += 1;
    await deps.sleep(pause);
  }
};

/** Sweeps all queues after each of the pauses; true as soon as there was something to claim. */
const lookAgain = async (
  deps: Deps,
  scanner: Scanner,
  queues: readonly string[],
  pauses: readonly number[],
  counted: (result: ScanResult) => ScanResult,
): Promise<boolean> => {
  for (const pause of pauses) {
    if (pause > 0) await deps.sleep(pause);
    if (counted(await scanner.scan(queues, { sweep: true })).jobs > 0) return true;
  }
  return false;
};

const handOver = async (deps: Deps): Promise<void> => {
  if (deps.config.dispatcherFunction === null) return;
  const { outcome } = await deps.invoker.invoke(deps.config.dispatcherFunction, {});
  if (outcome !== "accepted") deps.logger.warn("a dispatcher could not hand over", { outcome });
};
