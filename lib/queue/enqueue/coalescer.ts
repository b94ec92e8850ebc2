import { ForgeqError } from "../../core/errors.ts";
import { inThisInvocation, outsideInvocation } from "../../db/drivers/invocation-limit.ts";
import type { Caller } from "./admission.ts";

/** How much one statement carries of what several callers store at the same time. */
export interface CoalesceLimits {
  readonly items: number;
  readonly bytes: number;
  /** Concurrent statements; what comes meanwhile gathers for the next one. */
  readonly inFlight: number;
  /** How long a caller that may leave waits for its turn. */
  readonly waitMs: number;
}

/** What one statement stored. */
export interface Stored<Row> {
  readonly rows: readonly Row[];
  /** What the callers also wait for, while the next statement may go. Never rejects. */
  readonly after: Promise<void>;
}

interface Entry<Item, Row> {
  readonly items: readonly Item[];
  readonly bytes: number;
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: unknown) => void;
  readonly caller: Caller | undefined;
  /** Runs work in the caller's invocation. */
  readonly inInvocation: ReturnType<typeof inThisInvocation>;
  readonly joinedMs: number;
}

const late = (): ForgeqError =>
  new ForgeqError("too_slow", "the jobs waited too long to be stored: none was", { retryAfterSeconds: 5 });
const left = (): ForgeqError => new ForgeqError("busy", "the caller has left: nothing was stored");

/** What waits for a statement, first come, first served. A list: a Set would keep what has gone through it, see docs/adr/0015. Who leaves stands at its beginning. */
const createLine = <Item, Row>(limits: CoalesceLimits) => {
  const waiting: Entry<Item, Row>[] = [];
  /** Set by `watch`, until it fires: most callers wait for no statement but their own. */
  let timer: NodeJS.Timeout | undefined;
  /** Of those that wait, so many may leave. */
  let callers = 0;

  const leave = (entry: Entry<Item, Row>): void => {
    waiting.splice(waiting.indexOf(entry), 1);
    if (entry.caller) callers -= 1;
  };
  const giveUp = (entry: Entry<Item, Row>, error: ForgeqError): void => {
    leave(entry);
    entry.reject(error);
  };

  const watch = (): void => {
    const first = callers && !timer && waiting.find(({ caller }) => caller);
    // Nobody waits for the timer alone.
    if (first) timer = setTimeout(tellLate, first.joinedMs + limits.waitMs - performance.now()).unref();
  };
  const tellLate = (): void => {
    timer = undefined;
    const lateMs = performance.now() - limits.waitMs;
    for (const entry of [...waiting]) if (entry.caller && entry.joinedMs <= lateMs) giveUp(entry, late());
    watch();
  };

  return {
    isEmpty: (): boolean => waiting.length === 0,
    join: (entry: Entry<Item, Row>): void => {
      waiting.push(entry);
      if (entry.caller) callers += 1;
    },
    /** From now on those that wait too long, and may leave, are told so. */
    watch,
    /** The entries of one statement; none when all callers have left. */
    next: (): Entry<Item, Row>[] => {
      const batch: Entry<Item, Row>[] = [];
      let items = 0;
      let bytes = 0;
      for (let entry = waiting[0]; entry !== undefined; entry = waiting[0]) {
        if (entry.caller?.hasLeft() === true) {
          giveUp(entry, left());
          continue;
        }
        items += entry.items.length;
        bytes += entry.bytes;
        if (batch.length > 0 && (items > limits.items || bytes > limits.bytes)) break;
        batch.push(entry);
        leave(entry);
      }
      return batch;
    },
  };
};

/**
 * Lets concurrent callers share statements: each gets its own rows or its own error, once they are durable. A caller alone waits for
 * nobody; while statements are under way the others gather, so load makes batches by itself. The jobs of a caller that may leave are not
 * stored when it has, or when they have waited too long.
 *
 * @param store - stores items, all or none, and gives a row for each, in any order; `caller` has left when all have whose items they are
 * @param isOwn - the error says that the statement holds something that can't be stored, and that nothing was: the callers of a
 * shared statement are then served one by one, so that a bad item fails only the call that it came with
 * @param soon - calls back when the callers that come together have come
 */
export const createCoalescer = <Item extends { readonly id: string }, Row extends { readonly requestedId: string }>(
  store: (items: readonly Item[], caller: Caller | undefined) => Promise<Stored<Row>>,
  isOwn: (error: unknown) => boolean,
  limits: CoalesceLimits,
  soon: (pump: () => void) => void = setImmediate,
) => {
  const line = createLine<Item, Row>(limits);
  let inFlight = 0;
  let scheduled = false;

  const alone = async (entry: Entry<Item, Row>): Promise<void> => {
    try {
      const { rows, after } = await entry.inInvocation(() => store(entry.items, entry.caller));
      void after.then(() => entry.resolve([...rows]));
    } catch (error) {
      entry.reject(error);
    }
  };

  const together = async (batch: readonly Entry<Item, Row>[]): Promise<void> => {
    try {
      const all = { hasLeft: () => batch.every(({ caller }) => caller?.hasLeft() === true) };
      const { rows, after } = await outsideInvocation(() =>
        store(
          batch.flatMap((entry) => entry.items),
          all,
        ),
      );
      const byId = new Map(rows.map((row) => [row.requestedId, row]));
      const own = ({ items }: Entry<Item, Row>) =>
        items.map(({ id }) => byId.get(id)).filter((row) => row !== undefined);
      void after.then(() => batch.forEach((entry) => entry.resolve(own(entry))));
    } catch (error) {
      if (isOwn(error)) for (const entry of batch) await alone(entry);
      else for (const entry of batch) entry.reject(error);
    }
  };

  const send = (batch: readonly Entry<Item, Row>[]): Promise<void> =>
    batch.length === 1 && batch[0] !== undefined ? alone(batch[0]) : together(batch);

  const pump = (): void => {
    scheduled = false;
    while (inFlight < limits.inFlight && !line.isEmpty()) {
      const batch = line.next();
      if (batch.length === 0) continue;
      inFlight += 1;
      void send(batch).finally(() => {
        inFlight -= 1;
        pump();
      });
    }
    line.watch();
  };

  return (items: readonly Item[], bytes: number, caller?: Caller): Promise<Row[]> =>
    new Promise((resolve, reject) => {
      line.join({
        items,
        bytes,
        resolve,
        reject,
        caller,
        inInvocation: inThisInvocation(),
        joinedMs: performance.now(),
      });
      if (!scheduled) soon(pump);
      scheduled = true;
    });
};
