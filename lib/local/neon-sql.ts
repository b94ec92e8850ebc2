import type { IncomingMessage, ServerResponse } from "node:http";
import pg from "pg";
import { behindSecret, isFromPage } from "./callers.ts";
import type { NeonTarget } from "./neon-target.ts";

const MAX_BODY_BYTES = 64 * 1024 * 1024;
const SESSIONS = 40;

const ISOLATION = {
  ReadUncommitted: "read uncommitted",
  ReadCommitted: "read committed",
  RepeatableRead: "repeatable read",
  Serializable: "serializable",
} as const;

const ERROR_FIELDS = [
  "severity",
  "code",
  "detail",
  "hint",
  "position",
  "internalPosition",
  "internalQuery",
  "where",
  "schema",
  "table",
  "column",
  "dataType",
  "constraint",
  "file",
  "line",
  "routine",
] as const;

/** Values stay as Postgres writes them: the driver parses. */
const TEXT = { getTypeParser: () => (value: string) => value };

interface Statement {
  readonly query: string;
  readonly params?: unknown[];
}

class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const readBody = async (request: IncomingMessage): Promise<Statement | { readonly queries: Statement[] }> => {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new Refused(413, "request is too large");
    parts.push(part);
  }
  return JSON.parse(Buffer.concat(parts).toString()) as Statement | { queries: Statement[] };
};

const runOne = async (client: pg.PoolClient, { query, params = [] }: Statement, rowAsArray: boolean) => {
  const config: pg.QueryConfig & { queryMode: "extended"; rowMode?: "array" } = {
    text: query,
    values: params,
    types: TEXT,
    queryMode: "extended",
    ...(rowAsArray ? { rowMode: "array" } : {}),
  };
  const { command, rowCount, fields, rows } = await client.query(config);
  return { command, rowCount, rowAsArray, fields, rows };
};

const runBatch = async (
  client: pg.PoolClient,
  statements: readonly Statement[],
  headers: IncomingMessage["headers"],
) => {
  const isolation = ISOLATION[headers["neon-batch-isolation-level"] as keyof typeof ISOLATION];
  const modes = [
    ...(isolation === undefined ? [] : [`isolation level ${isolation}`]),
    ...(headers["neon-batch-read-only"] === "true" ? ["read only"] : []),
    ...(headers["neon-batch-deferrable"] === "true" ? ["deferrable"] : []),
  ];
  await client.query(`begin ${modes.join(" ")}`);
  try {
    const results = [];
    for (const each of statements) results.push(await runOne(client, each, headers["neon-array-mode"] === "true"));
    await client.query("commit");
    return { results };
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
};

const fail = (response: ServerResponse, error: unknown): void => {
  const { message } = error as Error;
  // Neon answers 400 for whatever Postgres says, and a 5xx when it can't be reached.
  const status = error instanceof pg.DatabaseError ? 400 : error instanceof Refused ? error.status : 503;
  const details =
    error instanceof pg.DatabaseError ? Object.fromEntries(ERROR_FIELDS.map((name) => [name, error[name]])) : {};
  send(response, status, { message, ...details });
};

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};

/** Neon's `POST /sql`: one statement a request, or a batch in one transaction, on a session that keeps nothing afterwards. */
export const createSqlEndpoint = (target: NeonTarget, secret: string) => {
  const pools = new Map<string, pg.Pool>();

  const poolOf = (connectionString: unknown): pg.Pool => {
    if (typeof connectionString !== "string") throw new Refused(400, "missing Neon-Connection-String");
    const url = new URL(connectionString);
    if (url.hostname !== target.host || Number(url.port || 5432) !== target.port)
      throw new Refused(400, "unknown endpoint");
    // TLS and start-up options are between the driver and Neon.
    url.search = "";
    let pool = pools.get(url.href);
    if (pool === undefined) {
      pool = new pg.Pool({
        connectionString: url.href,
        ssl: false,
        sslnegotiation: "postgres",
        max: SESSIONS,
        connectionTimeoutMillis: 5_000,
      });
      // An idle session that breaks is dropped by the pool; the next request opens another.
      pool.on("error", () => undefined);
      pools.set(url.href, pool);
    }
    return pool;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const path = behindSecret(secret, request.url);
      if (path === null || isFromPage(request)) throw new Refused(403, "not for web pages, nor without the secret");
      if (request.method !== "POST" || path !== "/sql") throw new Refused(404, "not found");
      const pool = poolOf(request.headers["neon-connection-string"]);
      const body = await readBody(request);
      const client = await pool.connect();
      client.on("error", ignore);
      // A caller that hung up waits for nothing: its session ends, whatever its statement does.
      response.once("close", () => {
        if (!response.writableFinished) void client.end().catch(ignore);
      });
      let sound = false;
      try {
        const rowAsArray = request.headers["neon-array-mode"] === "true";
        const result =
          "queries" in body
            ? await runBatch(client, body.queries, request.headers)
            : await runOne(client, body, rowAsArray);
        send(response, 200, result);
      } catch (error) {
        fail(response, error);
      } finally {
        sound = await client.query("discard all").then(
          () => true,
          () => false,
        );
        client.off("error", ignore);
        client.release(!sound);
      }
    } catch (error) {
      fail(response, error);
    }
  };

  return {
    /** Never throws. */
    answer,
    close: async (): Promise<void> => {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
};

const ignore = (): void => undefined;
