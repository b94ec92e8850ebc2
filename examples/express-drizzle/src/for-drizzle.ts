import { type SQL, sql } from "drizzle-orm";

const toSql = (text: string, params: unknown[]): SQL =>
  sql.join(
    text.split(/\$(\d+)/).map((part, n) => (n % 2 === 0 ? sql.raw(part) : sql`${sql.param(params[+part - 1])}`)),
  );

/** What `enqueue` and `job.complete` take, of a transaction of Drizzle's. */
export const forDrizzle = (tx: { execute(query: SQL): PromiseLike<unknown> }) => ({
  query: async (text: string, params: unknown[] = []): Promise<unknown> => tx.execute(toSql(text, params)),
});
