import { again, againWithinMs, toForgeqError } from "./call.ts";
import type { Db, Sql } from "./client.ts";
import { isLockTimeout } from "./failure.ts";

/**
 * One transaction whose commit may be asked for again, because its first statement finds out what became of the last try. It is run
 * anew where `callAgain` would send a statement again, but for a lock that was not free. A statement of it is sent once: after an error Postgres takes no
 * other.
 *
 * @param work - gets the transaction as a database, for what takes one
 */
export const transactAgain = <Result>(db: Db, work: (tx: Db) => Promise<Result>): Promise<Result> =>
  again(db, async () => {
    let failure: unknown;
    const within = (sql: Sql): Db => ({
      driver: db.driver,
      inTransaction: true,
      query: async <Row>(text: string, params?: readonly unknown[]): Promise<Row[]> => {
        try {
          return await sql.query<Row>(text, params);
        } catch (error) {
          failure ??= error;
          throw toForgeqError(error);
        }
      },
      transaction: (inner) => inner(sql),
      close: () => Promise.resolve(),
    });
    try {
      return await db.transaction((sql) => work(within(sql)));
    } catch (error) {
      throw isLockTimeout(failure) || againWithinMs(failure) === 0 ? error : failure;
    }
  });
