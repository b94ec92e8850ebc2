import type { Db, QueryOptions } from "./client.ts";
import { CrowdedError } from "./failure.ts";

/** As long as a statement waits for a connection. */
const WAIT_MS = 5_000;

/**
 * A part of a pool: so many statements and transactions at a time, first come, first served, so that others find a connection
 * however many come this way.
 *
 * @param most - 1 at least
 * @throws CrowdedError when one has waited for five seconds
 */
export const shareOf = (db: Db, most: number, waitMs = WAIT_MS): Db => {
  let underWay = 0;
  const waiting: (() => void)[] = [];

  const turn = async (): Promise<void> => {
    if (underWay < most) return void (underWay += 1);
    const mine = Promise.withResolvers<void>();
    // Whoever ends hands its place over: the number under way stays.
    waiting.push(mine.resolve);
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(mine.resolve), 1);
      mine.reject(new CrowdedError());
    }, waitMs);
    try {
      await mine.promise;
    } finally {
      clearTimeout(timer);
    }
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) underWay -= 1;
    else next();
  };
  const inTurn = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await turn();
    try {
      return await work();
    } finally {
      leave();
    }
  };

  return {
    driver: db.driver,
    query: <Row>(text: string, params?: readonly unknown[], options?: QueryOptions) =>
      inTurn(() => db.query<Row>(text, params, options)),
    transaction: (work) => inTurn(() => db.transaction(work)),
    close: () => db.close(),
  };
};
