import pg from "pg";
import type { Db, Sql } from "./client.ts";
import type { ConnectOptions } from "./connect.ts";
import { isUnavailable } from "./failure.ts";
import { toParams } from "./params.ts";

const CONNECT_MS = 5_000;
const IDLE_MS = 30_000;

/** TLS with a verified certificate, unless the server is this machine or the URL says `sslmode=disable`. */
const tlsOf = (url: URL): pg.ClientConfig["ssl"] => {
  const mode = url.searchParams.get("sslmode");
  const local = ["localhost", "127.0.0.1", "[::1]", ""].includes(url.hostname);
  if (mode === "disable" || (local && mode === null)) return false;
  return { rejectUnauthorized: true };
};

/**
 * Any Postgres, over TCP. No named statements and no start-up parameters, so that it runs through a transaction pooler. A
 * statement past its deadline fails, and takes its connection with it.
 */
export const createPgDb = ({ url, max = 4, statementSeconds = 5 }: ConnectOptions): Db => {
  const parsed = new URL(url);
  const ssl = tlsOf(parsed);
  for (const name of ["sslmode", "channel_binding"]) parsed.searchParams.delete(name);
  const pool = new pg.Pool({
    connectionString: parsed.href,
    ssl,
    max,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    query_timeout: statementSeconds * 1000,
    allowExitOnIdle: true,
  });
  // An idle connection that breaks is dropped by the pool; the next statement opens another.
  pool.on("error", () => undefined);

  const run = async <Row>(client: pg.PoolClient, text: string, params: readonly unknown[]): Promise<Row[]> =>
    (await client.query(text, toParams(params))).rows as Row[];

  const withClient = async <Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> => {
    const client = await pool.connect();
    // A connection that breaks between two statements would end the process otherwise; the next statement reports it.
    client.on("error", ignore);
    let broken = false;
    try {
      return await work(client);
    } catch (error) {
      // An error of Postgres leaves the connection sound; anything else, a missed deadline too, does not.
      broken = isUnavailable(error) || (!(error instanceof pg.DatabaseError) && !(await answers(client)));
      throw error;
    } finally {
      client.off("error", ignore);
      client.release(broken);
    }
  };

  // The caller's own error inside a transaction says nothing about the connection: ask.
  const answers = (client: pg.PoolClient): Promise<boolean> =>
    client.query("select").then(
      () => true,
      () => false,
    );

  return {
    driver: "pg",
    query: (text, params = []) => withClient((client) => run(client, text, params)),
    transaction: <Result>(work: (tx: Sql) => Promise<Result>): Promise<Result> =>
      withClient(async (client) => {
        await client.query("begin isolation level read committed");
        try {
          const result = await work({ query: (text, params = []) => run(client, text, params) });
          await client.query("commit");
          return result;
        } catch (error) {
          // When even that fails the connection is gone, and Postgres rolls back by itself.
          await client.query("rollback").catch(ignore);
          throw error;
        }
      }),
    close: () => pool.end(),
  };
};

const ignore = (): void => undefined;
