import { neon, neonConfig, Pool, types as neonTypes } from "@neondatabase/serverless";
import type { ConnectOptions, Db } from "./client.ts";
import { withInstants } from "./instants.ts";
import { toParams } from "./params.ts";
import { createSessions, outlive } from "./session.ts";

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

/**
 * Neon: single statements over HTTP, without a connection to keep; transactions over a WebSocket, opened when the first
 * one needs it. A statement that missed its deadline may still take effect.
 */
export const createNeonDb = ({ url, max = 4, statementSeconds = 5, fetchEndpoint, wsProxy }: ConnectOptions): Db => {
  useEndpoints(url, fetchEndpoint, wsProxy);
  const deadlineMs = statementSeconds * 1000;
  const types = withInstants((type, format) => neonTypes.getTypeParser(type, format) as unknown);
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
        types,
      }),
    );
    return pool;
  };
  return {
    driver: "neon",
    query: async <Row>(text: string, params: readonly unknown[] = []) =>
      // Options of `neon(url)` itself are not those of its `query`.
      (await http.query(text, toParams(params), {
        fetchOptions: { signal: AbortSignal.timeout(deadlineMs) },
        types,
      })) as Row[],
    transaction: createSessions(openPool, deadlineMs, { toError }).transaction,
    close: async () => {
      await pool?.end();
    },
  };
};
