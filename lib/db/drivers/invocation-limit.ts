import { AsyncLocalStorage } from "node:async_hooks";

/** What statements know of the invocation that sends them. */
interface InvocationLimit {
  /** Until the function has to have answered. */
  readonly leftMs: () => number;
  isOver: boolean;
  /** Called when it is: to let go of what still runs, and of connections that no frozen environment should hold. */
  readonly atEnd: Set<() => void | Promise<void>>;
}

const limits = new AsyncLocalStorage<InvocationLimit>();

/** Left for the answer, of the time that a statement may take. */
const ANSWER_MS = 500;

/** Milliseconds that a statement may take now; Infinity outside an invocation. */
export const statementMs = (): number => {
  const left = limits.getStore()?.leftMs() ?? Infinity;
  return Math.max(0, left - Math.min(ANSWER_MS, left / 2));
};

/** How long after a statement's deadline its fate may be waited for. */
export const graceMs = (): number => {
  const left = limits.getStore()?.leftMs();
  return left === undefined ? Infinity : Math.max(0, Math.min(ANSWER_MS, left / 2));
};

/** The invocation has been answered, or will be before a statement could be: nothing is sent for it any more. */
export const isOver = (): boolean => {
  const limit = limits.getStore();
  return limit !== undefined && (limit.isOver || limit.leftMs() <= 0);
};

/**
 * Has `end` called when the invocation is over.
 *
 * @returns takes it back; undefined outside an invocation, where nothing is called
 */
export const atEnd = (end: () => void | Promise<void>): (() => void) | undefined => {
  const ends = limits.getStore()?.atEnd;
  ends?.add(end);
  return ends && (() => void ends.delete(end));
};

/**
 * Runs one invocation of a function whose environment freezes afterwards. Its statements end before `leftMs` is 0. When it is over nothing that it has
 * left to run is sent, connections with a statement under way are dropped, and the pool is brought to what it may hold while frozen.
 */
export const withinInvocation = async <Result>(leftMs: () => number, work: () => Promise<Result>): Promise<Result> => {
  const limit: InvocationLimit = { leftMs, isOver: false, atEnd: new Set() };
  try {
    return await limits.run(limit, work);
  } finally {
    limit.isOver = true;
    const ends = [...limit.atEnd];
    if (ends.length > 0) {
      await Promise.all(ends.map(async (end) => end()));
      // What was dropped fails in this turn of the event loop, and not after the thaw.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
};

/** Runs work in no invocation, whoever starts it: for what several callers share. */
export const outsideInvocation = <Result>(work: () => Result): Result => limits.exit(work);

/** @returns runs work in the invocation of this moment, whoever starts it then */
export const inThisInvocation = (): (<Result>(work: () => Result) => Result) => {
  const limit = limits.getStore();
  return limit === undefined ? outsideInvocation : (work) => limits.run(limit, work);
};
