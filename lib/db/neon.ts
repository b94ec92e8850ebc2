import { neon, neonConfig, type Pool, type PoolClient } from "@neondatabase/serverless";
import type { Db, Sql } from "./client.ts";
import type { ConnectOptions } from "./connect.ts";
import { toParams } from "./params.ts";

const ignore = (): void => undefined;

/**
 * Neon: single statements over HTTP, without a connection to keep; transactions over a WebSocket, opened when the first
 * one needs it.
 */
export const createNeonDb = ({ url, max = 4, statementSeconds = 5, fetchEndpoint, wsProxy }: ConnectOptions): Db => {
  if (fetchEndpoint !== undefined) neonConfig.fetchEndpoint = fetchEndpoint;
  if (wsProxy !== undefined) {
    neonConfig.wsProxy = (host, port) => `${wsProxy}${host}:${port}`;
    neonConfig.useSecureWebSocket = false;
    neonConfig.pipelineConnect = false;
  }
  const deadlineMs = statementSeconds * 1000;
  const http = neon(url);
  let pool: Promise<Pool> | undefined;

  const openPool = async (): Promise<Pool> => {
    const { Pool: NeonPool } = await import("@neondatabase/serverless");
    const opened = new NeonPool({ connectionString: url, max, connectionTimeoutMillis: 5_000 });
    opened.on("error", ignore);
    return opened;
  };

  const within = <Result>(statement: Promise<Result>): Promise<Result> => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new DOMException("the statement took too long", "TimeoutError")),
      deadlineMs,
    );
    return Promise.race([statement, late.promise]).finally(() => clearTimeout(timer));
  };
  const run = async <Row>(client: PoolClient, text: string, params: readonly unknown[]): Promise<Row[]> =>
    (await within(params.length === 0 ? client.query(text) : client.query(text, toParams(params)))).rows as Row[];

  const inTransaction = async <Result>(client: PoolClient, work: (tx: Sql) => Promise<Result>): Promise<Result> => {
    await run(client, "begin isolation level read committed", []);
    try {
      const result = await work({ query: (text, params = []) => run(client, text, params) });
      await run(client, "commit", []);
      return result;
    } catch (error) {
      await run(client, "rollback", []).catch(ignore);
      throw error;
    }
  };

  return {
    driver: "neon",
    query: async <Row>(text: string, params: readonly unknown[] = []) =>
      (await http.query(text, toParams(params), {
        fetchOptions: { signal: AbortSignal.timeout(deadlineMs) },
      })) as Row[],
    transaction: async (work) => {
      const client = await (await (pool ??= openPool())).connect();
      client.on("error", ignore);
      let sound = false;
      try {
        const result = await inTransaction(client, work);
        sound = true;
        return result;
      } finally {
        client.release(!sound);
      }
    },
    close: async () => {
      await (await pool)?.end();
    },
  };
};
