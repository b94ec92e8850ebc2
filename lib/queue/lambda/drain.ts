import type { Deps } from "../deps.ts";
import type { Scanner, ScanResult } from "./scanner.ts";

/** Pauses between scans of busy queues before the dispatcher closes: freed slots and new jobs start without a new invocation. */
const LINGER_SECONDS = [0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.4];
/** From this pause on all queues are visited: their enqueues wake nobody while this dispatcher is active. */
const VISIT_ALL_SECONDS = 0.1;
const RENEW_EVERY_MS = 1_000;
const UNFINISHED_SECONDS = 0.05;
const STAND_IN_MS = 8_000;
const STAND_IN_PAUSE_SECONDS = 0.2;

/** What one dispatcher works with. */
export interface Drain {
  readonly scanner: Scanner;
  /** The queues as they are now: one may have been made or resumed since. */
  readonly queues: () => Promise<readonly string[]>;
  /** Stays the active dispatcher; false when another one is. */
  readonly renew: () => Promise<boolean>;
  readonly outOfTime: () => boolean;
  readonly counted: (result: ScanResult) => ScanResult;
}

/** Claims until nothing is due and, while queues are busy, for about a second more. */
export const drain = async (deps: Deps, { scanner, queues, renew, outOfTime, counted }: Drain): Promise<void> => {
  let renewedAtMs = deps.time.elapsedMs();
  let lingered = 0;
  let visited = await queues();
  const due = new Set<string>();
  while (!outOfTime()) {
    const result = counted(await scanner.scan(visited, { sweep: false }));
    for (const queue of result.due) due.add(queue);
    if (result.jobs > 0) lingered = 0;
    const pause = LINGER_SECONDS[lingered];
    const renewing = deps.time.elapsedMs() - renewedAtMs >= RENEW_EVERY_MS;
    if (renewing) {
      renewedAtMs = deps.time.elapsedMs();
      if (!(await renew())) return;
    }
    visited = renewing || (pause ?? 0) >= VISIT_ALL_SECONDS ? await queues() : [...new Set([...due, ...result.cutOff])];
    if ((result.jobs > 0 && result.more) || result.cutOff.length > 0) continue;
    if (due.size === 0 || pause === undefined) return;
    lingered += 1;
    await deps.sleep(pause);
  }
};

/**
 * Sweeps all queues after each of the pauses; true as soon as there was something to claim. A queue that somebody else was claiming
 * from, or whose scan was cut off, is not empty yet: it is scanned until it is seen whole.
 */
export const scanAgain = async (
  deps: Deps,
  { scanner, queues, outOfTime, counted }: Drain,
  pauses: readonly number[],
): Promise<boolean> => {
  let unfinished: readonly string[] = [];
  for (const pause of pauses) {
    if (pause > 0) await deps.sleep(pause);
    const result = counted(await scanner.scan(await queues(), { sweep: true }));
    if (result.jobs > 0) return true;
    unfinished = [...result.busy, ...result.cutOff];
  }
  while (unfinished.length > 0 && !outOfTime()) {
    await deps.sleep(UNFINISHED_SECONDS);
    const result = counted(await scanner.scan(unfinished, { sweep: false }));
    if (result.jobs > 0) return true;
    unfinished = [...result.busy, ...result.cutOff];
  }
  return false;
};

/**
 * Goes on claiming after a relay, neither active nor waiting, until another dispatcher is: the one that was invoked may take
 * seconds to start. Eight seconds at most.
 *
 * @param alone - says that this dispatcher is closing; false when another one is active or waits
 */
export const standIn = async (
  deps: Deps,
  { scanner, queues, outOfTime, counted }: Drain,
  alone: () => Promise<boolean>,
): Promise<void> => {
  const untilMs = deps.time.elapsedMs() + STAND_IN_MS;
  while (!outOfTime() && deps.time.elapsedMs() < untilMs && (await alone())) {
    counted(await scanner.scan(await queues(), { sweep: false }));
    await deps.sleep(STAND_IN_PAUSE_SECONDS);
  }
};
