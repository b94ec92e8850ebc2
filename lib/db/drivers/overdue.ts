import { askWhetherRuns, type Cancellable, requestCancel, type ShortClient } from "./cancel.ts";

/** A statement that was cancelled is answered in this time, or never. */
const SILENT_MS = 1_000;
/** Between two requests, when the server could not be told, and when it was and the statement runs all the same. */
const UNTOLD_MS = 1_000;
const STUCK_MS = 5_000;

/** What became of a statement after its deadline. `dead`: the server does not run it, and its connection answers no more. */
export type Ending = "answered" | "dead";

/**
 * Ends statements at their deadline, in the server too. A connection counts as used until that is known, so that a process never has
 * more sessions than its pool, however long the database stalls: a client that just hung up would leave its session waiting there.
 */
export interface Overdue<Client> {
  /**
   * Asks the server to end what a connection runs. Resolves when it has, or when the server is known not to run it, however long that takes.
   *
   * @param over - the statement was answered, or its connection broke
   */
  end(client: Client, over: Promise<void>): Promise<Ending>;
  /** What `end` still waits for on this connection. */
  ending(client: Client): Promise<Ending> | undefined;
  /** A cancel request may still hit what comes next on this connection. */
  isUnsure(client: Client): boolean;
  /** Waits for nothing any more. */
  close(): void;
}

/** @param make - a connection to the same server, which is for cancel requests and not in the pool */
export const createOverdue = <Client extends Cancellable>(make: () => ShortClient): Overdue<Client> => {
  const endings = new WeakMap<Client, Promise<Ending>>();
  const unsure = new WeakSet<Client>();
  const wakers = new Set<() => void>();
  let isClosed = false;

  const wait = async (ms: number, over: Promise<void>): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    wakers.add(resolve);
    void over.then(resolve);
    await promise;
    clearTimeout(timer);
    wakers.delete(resolve);
  };

  const end = async (client: Client, over: Promise<void>): Promise<Ending> => {
    let isOver = false;
    void over.then(() => (isOver = true));
    const isDone = () => isOver || isClosed;
    while (!isDone()) {
      const told = await requestCancel(make, client, isDone);
      if (!told) unsure.add(client);
      await wait(told ? SILENT_MS : UNTOLD_MS, over);
      if (!told || isDone()) continue;
      const runs = await askWhetherRuns(make, client);
      if (runs === false) break;
      await wait(runs === true ? STUCK_MS : UNTOLD_MS, over);
    }
    return isOver ? "answered" : "dead";
  };

  return {
    end: (client, over) => {
      const ending = end(client, over).finally(() => endings.delete(client));
      endings.set(client, ending);
      return ending;
    },
    ending: (client) => endings.get(client),
    isUnsure: (client) => unsure.has(client),
    close: () => {
      isClosed = true;
      for (const wake of wakers) wake();
    },
  };
};
