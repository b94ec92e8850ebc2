import pg from "pg";
import type { ShortClient } from "./cancel.ts";
import type { ConnectOptions, Db } from "./client.ts";
import { columnTypes } from "./columns.ts";
import { hostOf, parseDatabaseUrl, withPlace } from "./database-url.ts";
import { sqlState } from "./failure.ts";
import { createSendByName } from "./prepared.ts";
import { createSessions, outlive, type SessionPool } from "./session.ts";
import { createShortage } from "./shortage.ts";
import { TLS_PARAMETERS, tlsOf } from "./tls.ts";

const CONNECT_MS = 5_000;
const IDLE_MS = 30_000;
/** Shorter than what a gateway between here and the database waits before it forgets a connection. */
const KEEP_ALIVE_MS = 60_000;

/**
 * How pg connects to a URL: its TLS, its deadline, its keepalive, and the URL without what pg would read otherwise. Where it leads to does not depend on PGHOST,
 * PGPORT or PGDATABASE, and whether it is encrypted on no variable.
 */
export const clientConfig = ({ url, ca }: Pick<ConnectOptions, "url" | "ca">): pg.ClientConfig => {
  const parsed = withPlace(parseDatabaseUrl(url));
  const ssl = tlsOf(parsed, ca);
  const isDirect = parsed.searchParams.get("sslnegotiation") === "direct";
  for (const name of TLS_PARAMETERS) parsed.searchParams.delete(name);
  return {
    connectionString: parsed.href,
    ssl,
    sslnegotiation: isDirect ? "direct" : "postgres",
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
};

const { Client } = pg as unknown as {
  readonly Client: new (config?: pg.ClientConfig) => pg.Client & { getStartupConf(): Record<string, string> };
};

/** Start-up parameters that pg also takes of PGOPTIONS and PGREPLICATION. */
const FOREIGN = ["options", "replication"];

/**
 * A session that is as the URL says, whatever the environment, and that writes instants as ISO has them, whatever the database or the role says. DateStyle and
 * client_encoding are start-up parameters that every pooler takes, because Java's driver sends them, too.
 */
export class UrlClient extends Client {
  readonly #options: string | null;

  constructor(config: pg.ClientConfig = {}) {
    super(config);
    this.#options = new URL(config.connectionString ?? "postgres://").searchParams.get("options");
  }

  override getStartupConf(): Record<string, string> {
    const usual = Object.entries(super.getStartupConf()).filter(([name]) => !FOREIGN.includes(name));
    return {
      ...Object.fromEntries(usual),
      ...(this.#options === null ? {} : { options: this.#options }),
      client_encoding: "UTF8",
      DateStyle: "ISO",
    };
  }
}

/** Poolers, by their address, that refuse start-up parameters. Whoever is behind one needs none: the pooler ends idle sessions itself. */
const withoutParameters = new Set<string>();

/** PgBouncer's, RDS Proxy's, and what Postgres says of a parameter that it does not know. */
const isParameterRefused = (error: unknown): boolean => ["08P01", "0A000", "42704"].includes(sqlState(error) ?? "");

/** The URL with a start-up parameter that has Postgres end an idle session. */
const withIdleTimeout = (url: string, seconds: number): string => {
  const parsed = parseDatabaseUrl(url);
  const given = parsed.searchParams.get("options");
  parsed.searchParams.set("options", `${given === null ? "" : `${given} `}-c idle_session_timeout=${seconds}s`);
  return parsed.href;
};

interface OpenedPool {
  readonly pool: SessionPool;
  /** Connections that may stay open while nothing runs. */
  readonly atRest?: (() => number) | undefined;
}

/** A pool whose connections ask for an idle time-out, until the server has refused one for that, and that keeps none where few are left. */
const createPool = (options: ConnectOptions): OpenedPool => {
  const { url, max = 4, keep = 0, atRest, idleSessionSeconds } = options;
  const parsed = parseDatabaseUrl(url);
  const host = `${hostOf(parsed)}:${parsed.port}`;
  const plain = clientConfig(options);
  const asking =
    idleSessionSeconds === undefined || withoutParameters.has(host)
      ? plain
      : clientConfig({ ...options, url: withIdleTimeout(url, idleSessionSeconds) });
  const usual = atRest === undefined ? undefined : () => atRest;
  const pool = outlive(
    new pg.Pool({
      ...asking,
      max,
      min: keep,
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
      types: columnTypes,
      Client: UrlClient,
    }),
  );
  const sessions = pool as unknown as SessionPool;
  if (asking === plain) return { pool: sessions, atRest: usual };
  const shortage = createShortage(pool, () => !withoutParameters.has(host));
  const connect = async () => {
    try {
      return await sessions.connect();
    } catch (error) {
      if (sqlState(error) === "53300") shortage.note();
      if (!isParameterRefused(error)) throw error;
      withoutParameters.add(host);
      // The pool reads it for each new connection.
      Object.assign(pool.options, plain);
      return sessions.connect();
    }
  };
  return {
    pool: {
      get idleCount() {
        return pool.idleCount;
      },
      connect,
      end: () => pool.end(),
    },
    atRest: usual && (() => (shortage.isShort() ? 0 : usual())),
  };
};

/** A named statement would pin a session of RDS Proxy to one connection for as long as the session lives, which is what a proxy is there to avoid. */
const isRdsProxy = (url: string): boolean => /\.proxy-[^.]+\.[^.]+\.rds\./.test(hostOf(parseDatabaseUrl(url)));

const usesNames = ({ url, prepared = isRdsProxy(url) ? "off" : "on" }: ConnectOptions): boolean => prepared === "on";

/**
 * Any Postgres, over TCP. Frequent statements have names where the connection allows it, and there is no start-up parameter that a
 * transaction pooler could not do without. A statement past its deadline is cancelled.
 */
export const createPgDb = (options: ConnectOptions): Db => {
  const { statementSeconds = 5 } = options;
  const { pool, atRest } = createPool(options);
  return {
    driver: "pg",
    ...createSessions(() => pool, {
      deadlineMs: statementSeconds * 1000,
      atRest,
      makeShortClient: () => new UrlClient(clientConfig(options)) as unknown as ShortClient,
      ...(usesNames(options) ? { sendAlone: createSendByName() } : {}),
    }),
  };
};
