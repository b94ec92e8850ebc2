import { uuidV7 } from "../../core/uuid.ts";
import { dispatchableQueues } from "../../db/reads/queues.ts";
import { markDispatcher, nextDue } from "../../db/protocol/wake.ts";
import type { Deps } from "../deps.ts";
import { type Drain, drain, scanAgain, standIn } from "./drain.ts";
import { fireSchedules } from "../schedule/fire-schedules.ts";
import { invokeAgain } from "../wake/invoke-again.ts";
import { createScanner, type ScanResult } from "./scanner.ts";
import { WAIT_HORIZON_SECONDS } from "../wake/wake-dispatcher.ts";

const CLOSING_SECONDS = [0, 0.3, 0.7];
/** Kept free before the invocation's own time-out; as long before that it starts its successor. */
const RESERVE_MS = 10_000;

export interface DispatchReport {
  readonly leases: number;
  readonly jobs: number;
  readonly refused: number;
  /** `relayed`: time was up with work left, and this dispatcher started its successor. */
  readonly ended: "idle" | "another_active" | "another_waiting" | "relayed";
}

/**
 * One dispatcher: claims due jobs of all queues that its owner serves and invokes their handlers, until nothing is due; waits inside its
 * invocation for jobs due within 120 s; ends a margin before its time is up, and starts a successor for what is left.
 *
 * Any number may run concurrently: claims are exclusive. One that finds another active ends, because that one sweeps before it ends.
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
  const owner = deps.config.owner ?? null;
  const total = { leases: 0, jobs: 0, refused: 0 };
  const outOfTime = () => remainingMs() < RESERVE_MS;
  const tooOld = () => remainingMs() < 2 * RESERVE_MS;
  const mark = (phase: "active" | "waiting" | "closing", waitSeconds: number | null = null) =>
    markDispatcher(deps.db, me, phase, waitSeconds, deps.clock(), owner);
  const counted = (result: ScanResult): ScanResult => {
    total.leases += result.leases;
    total.jobs += result.jobs;
    total.refused += result.refused;
    return result;
  };

  let first = hint.queue;
  const queues = async (): Promise<readonly string[]> => {
    const names = await dispatchableQueues(deps.db, deps.clock(), owner);
    const hinted = names.filter((name) => name === first);
    // Begun anywhere, so that each has its turn where time is up before all are visited.
    const begin = Math.floor(deps.random() * names.length);
    const others = [...names.slice(begin), ...names.slice(0, begin)].filter((name) => name !== first);
    first = undefined;
    return [...hinted, ...others];
  };
  const fireSlots = () =>
    fireSchedules(deps, outOfTime).catch((error: unknown) => {
      deps.logger.warn("schedules could not be fired; the next tick tries again", { reason: String(error) });
    });
  const renew = async () => {
    await fireSlots();
    return mark("active");
  };
  const work: Drain = { scanner: createScanner(deps), queues, renew, outOfTime: tooOld, counted };
  const longestWaitSeconds = waitable(remainingMs());

  for (let waited = false; ; waited = true) {
    // Before the mark: a dispatcher that waited for a slot fires it, also where another one is active.
    await fireSlots();
    if (!(await mark("active"))) {
      // The active dispatcher may be relying on the wait that this one gives up.
      if (waited) await mark("closing");
      return { ...total, ended: "another_active" };
    }
    await drain(deps, work);

    const dueSeconds = tooOld() ? null : await nextDue(deps.db, longestWaitSeconds, deps.clock(), owner);
    // This invocation has become too old to wait for it; a new one can.
    const tooLate = dueSeconds !== null && dueSeconds > waitable(remainingMs());
    const waiting = dueSeconds !== null && !tooLate && (await mark("waiting", dueSeconds));
    if (!waiting) await mark("closing");
    if (tooOld() || tooLate) {
      await relay(deps);
      await standIn(deps, { ...work, outOfTime }, () => mark("closing"));
      return { ...total, ended: "relayed" };
    }
    // No longer active: a producer that enqueued before that mark woke nobody, so scan once more.
    if (await scanAgain(deps, work, waiting ? [0] : CLOSING_SECONDS)) continue;
    if (waiting) {
      const sooner = await nextDue(deps.db, dueSeconds, deps.clock(), owner);
      await deps.sleep(Math.min(dueSeconds, sooner ?? dueSeconds));
      continue;
    }
    // Stored while this one was active, and due before what another one waits for.
    const missed = await nextDue(deps.db, waitable(remainingMs()), deps.clock(), owner);
    if (missed === null) return { ...total, ended: dueSeconds === null ? "idle" : "another_waiting" };
    if (!(await mark("waiting", missed))) return { ...total, ended: "another_waiting" };
    await deps.sleep(missed);
  }
};

const waitable = (remainingMs: number): number =>
  Math.max(0, Math.min(WAIT_HORIZON_SECONDS, (remainingMs - 2 * RESERVE_MS) / 1000));

/** Starts a successor, which has all its time before it. */
const relay = async (deps: Deps): Promise<void> => {
  if (deps.config.dispatcherFunction === null) return;
  const { outcome } = await invokeAgain(deps, deps.config.dispatcherFunction, {});
  if (outcome !== "accepted") deps.logger.warn("a dispatcher could not start its successor", { outcome });
};
