import { Client, neon, neonConfig, Pool } from "@neondatabase/serverless";
import type { ShortClient } from "./cancel.ts";
import type { ConnectOptions, Db, QueryOptions } from "./client.ts";
import { columnTypes } from "./columns.ts";
import { DeadlineError, UnwantedError } from "./failure.ts";
import { atEnd, isOver, statementMs } from "./invocation-limit.ts";
import { toParams } from "./params.ts";
import { createSessions, outlive, type SessionPool } from "./session.ts";

const CONNECT_MS = 5_000;

/** A WebSocket that breaks rejects with its event. */
const toError = (thrown: unknown): unknown =>
  thrown instanceof Error
    ? thrown
    : new Error(`websocket failed: ${(thrown as { message?: string } | null)?.message || "no reason given"}`);

// The driver keeps these settings in one place for the whole process; so here the database's address distinguishes them.
const endpoints = new Map<string, Pick<ConnectOptions, "fetchEndpoint" | "wsProxy">>();
const neonFetchEndpoint = neonConfig.fetchEndpoint;

const addressOf = (host: string, port: number | string): string => `${host}:${port || 5432}`;

const useEndpoints = (url: string, fetchEndpoint: string | undefined, wsProxy: string | undefined): void => {
  if (fetchEndpoint === undefined && wsProxy === undefined) return;
  const { hostname, port } = new URL(url);
  endpoints.set(addressOf(hostname, port), {
    ...(fetchEndpoint && { fetchEndpoint }),
    ...(wsProxy && { wsProxy }),
  });
  neonConfig.fetchEndpoint = (host, dbPort, options) =>
    endpoints.get(addressOf(host, dbPort))?.fetchEndpoint ??
    (typeof neonFetchEndpoint === "string" ? neonFetchEndpoint : neonFetchEndpoint(host, dbPort, options));
  if (wsProxy === undefined) return;
  neonConfig.wsProxy = (host, dbPort) => {
    const proxy = endpoints.get(addressOf(host, dbPort))?.wsProxy;
    return proxy === undefined ? `${host}/v2` : `${proxy}${host}:${dbPort}`;
  };
  neonConfig.useSecureWebSocket = false;
  // Sends the password before it is asked for, which only Neon understands.
  neonConfig.pipelineConnect = false;
};

/** Opened as the pool's are, but for what Neon's driver sends ahead. */
const makeShortClient = (url: string): ShortClient => {
  const client = new Client({ connectionString: url });
  client.neonConfig.pipelineConnect = false;
  return client as unknown as ShortClient;
};

/**
 * Neon: single statements over HTTP, without a connection to keep; transactions over a WebSocket, opened when the first
 * one needs it. A single statement that missed its deadline can't be cancelled: it goes on, for as long as the role's
 * `statement_timeout`, and may still take effect.
 */
export const createNeonDb = ({
  url,
  max = 4,
  atRest,
  statementSeconds = 5,
  fetchEndpoint,
  wsProxy,
}: ConnectOptions): Db => {
  useEndpoints(url, fetchEndpoint, wsProxy);
  const deadlineMs = statementSeconds * 1000;
  const http = neon(url);
  let pool: Pool | undefined;
  const openPool = (): Pool => {
    if (pool !== undefined) return pool;
    pool = outlive(
      new Pool({
        connectionString: url,
        max,
        connectionTimeoutMillis: CONNECT_MS,
        allowExitOnIdle: true,
        types: columnTypes,
      }),
    );
    return pool;
  };
  const sessions = createSessions(() => openPool() as unknown as SessionPool, {
    deadlineMs,
    atRest: atRest === undefined ? undefined : () => atRest,
    makeShortClient: () => makeShortClient(url),
    toError,
  });
  return {
    driver: "neon",
    query: async <Row>(text: string, params: readonly unknown[] = [], options: QueryOptions = {}) => {
      const ms = Math.min(deadlineMs, options.deadlineMs ?? Infinity, statementMs());
      if (isOver() || options.isUnwanted?.() === true) throw new UnwantedError();
      const ended = new AbortController();
      const { signal } = ended;
      const timer = setTimeout(() => ended.abort(), ms);
      const stays = atEnd(() => ended.abort());
      try {
        // Options of `neon(url)` itself are not those of its `query`.
        return (await http.query(text, toParams(params), { fetchOptions: { signal }, types: columnTypes })) as Row[];
      } catch (error) {
        throw signal.aborted ? new DeadlineError(ms) : error;
      } finally {
        clearTimeout(timer);
        stays?.();
      }
    },
    transaction: sessions.transaction,
    close: async () => {
      if (pool !== undefined) await sessions.close();
    },
  };
};
