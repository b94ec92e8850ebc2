import type { Deps } from "../deps.ts";
import { addUp, type Scanner, type ScanResult } from "./scanner.ts";

/** Pauses between scans of busy queues before the dispatcher closes: freed slots and new jobs start without a new invocation. */
const LINGER_SECONDS = [0.02, 0.03, 0.05, 0.1, 0.15, 0.25, 0.4];
/** From this pause on all queues are visited: their enqueues wake nobody while this dispatcher is active. */
const VISIT_ALL_SECONDS = 0.1;
/** Queues that are scanned before it is seen to anything else. */
const SCAN_QUEUES = 64;
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

/** Scans these queues, some at a time, while there is time. @param goesOn - asked after each of several parts */
const scanAll = async (
  { scanner, outOfTime, counted }: Drain,
  queues: readonly string[],
  sweep: boolean,
  goesOn: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<ScanResult> => {
  const results: ScanResult[] = [];
  for (let n = 0; n < queues.length && (n === 0 || !outOfTime()); n += SCAN_QUEUES) {
    if (n > 0 && !(await goesOn())) break;
    results.push(counted(await scanner.scan(queues.slice(n, n + SCAN_QUEUES), { sweep })));
  }
  return addUp(results);
};

/** Stays the active dispatcher: once a second, whenever it is asked. */
const createRenewal = (deps: Deps, renew: () => Promise<boolean>) => {
  let renewedAtMs = deps.time.elapsedMs();
  return async (): Promise<"fresh" | "renewed" | "lost"> => {
    if (deps.time.elapsedMs() - renewedAtMs < RENEW_EVERY_MS) return "fresh";
    renewedAtMs = deps.time.elapsedMs();
    return (await renew()) ? "renewed" : "lost";
  };
};

/** Claims until nothing is due and, while queues are busy, for about a second more. */
export const drain = async (deps: Deps, work: Drain): Promise<void> => {
  const { queues, outOfTime } = work;
  const renewal = createRenewal(deps, work.renew);
  let lingered = 0;
  let visited = await queues();
  const due = new Set<string>();
  while (!outOfTime()) {
    const result = await scanAll(work, visited, false, async () => (await renewal()) !== "lost");
    for (const queue of result.due) due.add(queue);
    if (result.jobs > 0) lingered = 0;
    const pause = LINGER_SECONDS[lingered];
    const renewed = await renewal();
    if (renewed === "lost") return;
    visited =
      renewed === "renewed" || (pause ?? 0) >= VISIT_ALL_SECONDS
        ? await queues()
        : [...new Set([...due, ...result.cutOff])];
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
export const scanAgain = async (deps: Deps, work: Drain, pauses: readonly number[]): Promise<boolean> => {
  const { queues, outOfTime } = work;
  let unfinished: readonly string[] = [];
  for (const pause of pauses) {
    if (pause > 0) await deps.sleep(pause);
    const result = await scanAll(work, await queues(), true);
    if (result.jobs > 0) return true;
    unfinished = [...result.busy, ...result.cutOff];
  }
  while (unfinished.length > 0 && !outOfTime()) {
    await deps.sleep(UNFINISHED_SECONDS);
    const result = await scanAll(work, unfinished, false);
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
export const standIn = async (deps: Deps, work: Drain, alone: () => Promise<boolean>): Promise<void> => {
  const { queues, outOfTime } = work;
  const untilMs = deps.time.elapsedMs() + STAND_IN_MS;
  while (!outOfTime() && deps.time.elapsedMs() < untilMs && (await alone())) {
    await scanAll(work, await queues(), false);
    await deps.sleep(STAND_IN_PAUSE_SECONDS);
  }
};
