import { toParams } from "./params.ts";
import type { UrlSource } from "./url-source.ts";

/**
 * What ForgeQ needs of a database: single statements and read-committed transactions. Two drivers implement it
 * (pg.ts, neon.ts), and one contract suite runs against both.
 */

/** Anything that runs one statement. A caller's `pg` client, a Neon pool client and ForgeQ's own `Db` all fit. */
export interface Queryable {
  query(text: string, params?: unknown[]): Promise<unknown>;
}

export interface QueryOptions {
  /** Until the statement is answered, at most what the driver has for all; less where the caller's own time is shorter. */
  readonly deadlineMs?: number;
  /** Asked when there is a connection: true, and the statement is not sent. */
  readonly isUnwanted?: () => boolean;
}

/** Runs statements; the rows come back as plain objects. timestamptz is a Date, jsonb is parsed, int8 and numeric are strings. */
export interface Sql {
  /** @throws the driver's error, with its SQLSTATE in `code` */
  query<Row>(text: string, params?: readonly unknown[], options?: QueryOptions): Promise<Row[]>;
}

export interface Db extends Sql {
  readonly driver: "pg" | "neon";
  /** It stands for a transaction: workers are told of nothing before the commit. */
  readonly inTransaction?: true;
  /** Runs `work` in one read-committed transaction; it commits when the promise resolves and rolls back when it rejects. */
  transaction<Result>(work: (tx: Sql) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export type DriverChoice = "auto" | "neon" | "pg";
export type PreparedChoice = "on" | "off";

export interface ConnectOptions {
  readonly url: string;
  /** Where the URL comes from, if it can change: the login of a server that refuses the old one is tried with the new one. */
  readonly source?: UrlSource;
  /** The certificate authorities, as PEM, that are trusted in addition to Node's own. Not over Neon's driver. */
  readonly ca?: string;
  /** `auto`: Neon's driver for hosts of neon.tech, pg for every other Postgres. */
  readonly driver?: DriverChoice;
  /** Whether frequent statements get names, so that Postgres plans them once a connection; `on`, but for RDS Proxy. Not over Neon's driver. */
  readonly prepared?: PreparedChoice | undefined;
  /** Connections of this process at most; 4 unless given. */
  readonly max?: number;
  /** Connections that stay open after an invocation, while its environment is frozen; all unless given. */
  readonly atRest?: number;
  /** Postgres is asked to end a session that was idle for as long. Not over Neon's driver, and not through a pooler that takes no start-up parameters. */
  readonly idleSessionSeconds?: number;
  /** Connections that stay open while nothing is sent; none unless given. Not over Neon's driver. */
  readonly keep?: number;
  /** Deadline of one statement; 5 unless given. The server is asked to end it then, but for single statements over Neon's driver. */
  readonly statementSeconds?: number;
  /** Where Neon's HTTP endpoint is, instead of what its host name says. */
  readonly fetchEndpoint?: string;
  /** `host:port/path?address=` of Neon's WebSocket proxy, instead of what its host name says. */
  readonly wsProxy?: string;
}

/** A statement whose rows are one column of text each, in JSON: the only type that no application reads in a way of its own. */
const asDocuments = (text: string): string =>
  text.replace(/^(\/\*.*?\*\/\s*)?(.*)$/s, "$1select to_json(answer)::text as answer from ($2) as answer");

/**
 * Turns a caller's connection or transaction into `Sql`, whether its `query` gives `{ rows }` (pg, Neon) or an array, and rows as objects or as
 * arrays. Column types that the application reads otherwise, and its session's settings, change nothing; instants are texts in ISO here.
 */
export const asSql = (queryable: Queryable): Sql => ({
  query: async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> => {
    const answer = await queryable.query(asDocuments(text), toParams(params));
    const rows = Array.isArray(answer) ? (answer as object[]) : (answer as { rows: object[] }).rows;
    return rows.map((row) => JSON.parse(Object.values(row)[0] as string) as Row);
  },
});
