import pg from "pg";
import type { ShortClient } from "./cancel.ts";
import type { ConnectOptions, Db } from "./client.ts";
import { withInstants } from "./instants.ts";
import { createSendByName } from "./prepared.ts";
import { createSessions, outlive, type SessionPool } from "./session.ts";

const CONNECT_MS = 5_000;
const IDLE_MS = 30_000;
/** Shorter than what a gateway between here and the database waits before it forgets a connection. */
const KEEP_ALIVE_MS = 60_000;

/** TLS with a verified certificate, unless the server is this machine or the URL says `sslmode=disable`. */
const tlsOf = (url: URL): pg.ClientConfig["ssl"] => {
  const mode = url.searchParams.get("sslmode");
  const local = ["localhost", "127.0.0.1", "[::1]", ""].includes(url.hostname);
  if (mode === "disable" || (local && mode === null)) return false;
  return { rejectUnauthorized: true };
};

/** How pg connects to a URL: its TLS, its deadline, its keepalive, and the URL without what pg would read otherwise. */
export const clientConfig = (url: string): pg.ClientConfig => {
  const parsed = new URL(url);
  const ssl = tlsOf(parsed);
  for (const name of ["sslmode", "channel_binding"]) parsed.searchParams.delete(name);
  return {
    connectionString: parsed.href,
    ssl,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
};

/**
 * Any Postgres, over TCP. Frequent statements have names where the connection allows it, and there are no start-up parameters, so
 * that it runs through a transaction pooler. A statement past its deadline is cancelled.
 */
export const createPgDb = ({ url, max = 4, keep = 0, statementSeconds = 5 }: ConnectOptions): Db => {
  const pool = outlive(
    new pg.Pool({
      ...clientConfig(url),
      max,
      min: keep,
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
      types: withInstants(pg.types.getTypeParser),
    }),
  );
  return {
    driver: "pg",
    ...createSessions(() => pool as unknown as SessionPool, {
      deadlineMs: statementSeconds * 1000,
      makeShortClient: () => new pg.Client(clientConfig(url)) as unknown as ShortClient,
      sendAlone: createSendByName(),
    }),
  };
};
