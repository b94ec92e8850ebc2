import {
  type Answered,
  answerOnce,
  type KeptAnswer,
  type KeyedRequest,
  keyInUse,
  keyReused,
} from "../../db/protocol/idempotency.ts";
import type { Db } from "../../db/drivers/client.ts";
import type { Deps } from "../deps.ts";
import { wakeDispatcher } from "../wake/wake-dispatcher.ts";

export type { Answered, KeptAnswer, KeyedRequest } from "../../db/protocol/idempotency.ts";

/** As long as Postgres lets a request of another process wait. */
const WAIT_MS = 2_000;

interface UnderWay {
  readonly fingerprint: string;
  /** Null where the work failed. Never rejects. */
  readonly kept: Promise<KeptAnswer | null>;
}

/** By caller and key: requests of this process that come meanwhile take no connection to wait on. */
const underWayOf = new WeakMap<Deps, Map<string, UnderWay>>();

const mapOf = (deps: Deps): Map<string, UnderWay> => {
  const made = underWayOf.get(deps) ?? new Map<string, UnderWay>();
  underWayOf.set(deps, made);
  return made;
};

/** @throws {ForgeqError} `idempotency_key_in_use` - it takes too long */
const within = async (kept: Promise<KeptAnswer | null>, ms: number): Promise<KeptAnswer | null> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(keyInUse()), Math.max(0, ms))));
  try {
    return await Promise.race([kept, late]);
  } finally {
    clearTimeout(timer);
  }
};

/** The dependencies of work in a transaction. What nobody may hear of before the commit is gathered for `announce`. */
const inTransaction = (deps: Deps, tx: Db): { readonly inner: Deps; readonly announce: () => Promise<void> } => {
  const counts: (() => void)[] = [];
  const soonest = new Map<string | undefined, number>();
  const { localStart: _, ...others } = deps;
  const inner: Deps = {
    ...others,
    db: tx,
    metrics: {
      count: (...counted) => void counts.push(() => deps.metrics.count(...counted)),
      observe: (...observed) => deps.metrics.observe(...observed),
      flush: () => deps.metrics.flush(),
    },
    hintWorkers: (seconds, queue) => {
      soonest.set(queue, Math.min(seconds, soonest.get(queue) ?? Infinity));
      return Promise.resolve();
    },
    config: { ...deps.config, dispatcherFunction: null, eager: false },
  };
  const announce = async (): Promise<void> => {
    for (const count of counts) count();
    for (const [queue, seconds] of soonest) await wakeDispatcher(deps, seconds, queue);
  };
  return { inner, announce };
};

const doFirst = async (
  deps: Deps,
  request: KeyedRequest,
  work: (deps: Deps) => Promise<KeptAnswer>,
): Promise<Answered & { readonly announce?: () => Promise<void> }> => {
  let announce: (() => Promise<void>) | undefined;
  const answered = await answerOnce(deps.db, request, (tx) => {
    const transaction = inTransaction(deps, tx);
    announce = transaction.announce;
    return work(transaction.inner);
  });
  // Also where the answer says `replayed`: the commit of this request was lost on its way, and has been found.
  return { ...answered, ...(announce !== undefined && { announce }) };
};

/**
 * Does the work of a request that its caller has named by a key, once in a day; the same request again gets the first answer. Workers and dispatchers
 * are woken after the commit.
 *
 * @param work - gets the dependencies with the transaction as their database; run again where the transaction has to be
 * @throws {ForgeqError} `idempotency_key_in_use` - after 2 s of waiting for the first one; `idempotency_key_reused`; and whatever `work` throws, of which nothing is kept
 */
export const doOnce = async (
  deps: Deps,
  request: KeyedRequest,
  work: (deps: Deps) => Promise<KeptAnswer>,
): Promise<Answered> => {
  const underWay = mapOf(deps);
  const name = JSON.stringify([request.caller, request.key]);
  const untilMs = performance.now() + WAIT_MS;
  for (let other = underWay.get(name); other !== undefined; other = underWay.get(name)) {
    const kept = await within(other.kept, untilMs - performance.now());
    if (kept === null) continue;
    if (other.fingerprint !== request.fingerprint) throw keyReused();
    return { kept, replayed: true };
  }
  const first = doFirst(deps, request, work).finally(() => underWay.delete(name));
  underWay.set(name, {
    fingerprint: request.fingerprint,
    kept: first.then(
      ({ kept }) => kept,
      () => null,
    ),
  });
  const { announce, ...answered } = await first;
  await announce?.();
  return answered;
};
