import { ForgeqError } from "../../core/errors.ts";
import type { Sql } from "./client.ts";
import { isUnavailable, sqlState } from "./failure.ts";
import { toParams } from "./params.ts";

export interface Answer {
  readonly rows: unknown[];
  readonly command: string;
}

interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** What writes its own messages, see named-query.ts. */
interface Submittable {
  submit(connection: never): void;
}

/** A connection of pg's pool, or of Neon's, which is made of it. */
interface Client {
  query(statement: Statement | Submittable, done: (error: Error | null | undefined, answer: Answer) => void): void;
  release(broken: boolean): void;
}

/**
 * Sends one statement.
 *
 * With a callback and a timer of its own, because what pg makes for a promise, and for its `query_timeout`, holds every answer until the
 * next major garbage collection, and minor ones copy them all. See docs/adr/0015.
 *
 * @param deadlineMs - after it the statement fails. Whether it took effect is unknown, and its connection is of no use any more
 */
export const submit = (client: Client, statement: Statement | Submittable, deadlineMs: number): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("query read timeout")), deadlineMs);
    client.query(statement, (error, answer) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve(answer);
    });
  });

export type Send = (client: Client, text: string, params: readonly unknown[], deadlineMs: number) => Promise<Answer>;

export const send: Send = (client, text, params, deadlineMs) =>
  submit(client, { text, values: toParams(params) }, deadlineMs);

interface SessionOptions {
  /** Whatever the driver rejects with, as an Error. */
  readonly toError?: (thrown: unknown) => unknown;
  /** Sends a statement that is its own transaction. An error inside a caller's transaction would end that transaction. */
  readonly sendAlone?: Send;
}

export interface Sessions extends Sql {
  readonly transaction: <Result>(work: (tx: Sql) => Promise<Result>) => Promise<Result>;
}

/**
 * Statements and transactions on a pool's connections. An error of Postgres leaves a connection sound; any other one, a
 * missed deadline too, takes it along.
 *
 * @param deadlineMs - of one statement; inside a transaction Postgres ends it too, so that its locks are not held longer
 */
export const createSessions = (
  pool: () => { connect(): Promise<Client> },
  deadlineMs: number,
  { toError = (thrown) => thrown, sendAlone = send }: SessionOptions = {},
): Sessions => {
  const connect = async (): Promise<Client> => {
    try {
      return await pool().connect();
    } catch (thrown) {
      throw toError(thrown);
    }
  };
  const run = async (client: Client, text: string, params: readonly unknown[] = [], how: Send = send) => {
    try {
      return await how(client, text, params, deadlineMs);
    } catch (thrown) {
      throw toError(thrown);
    }
  };

  return {
    query: async <Row>(text: string, params: readonly unknown[] = []): Promise<Row[]> => {
      const client = await connect();
      let broken = false;
      try {
        return (await run(client, text, params, sendAlone)).rows as Row[];
      } catch (error) {
        broken = sqlState(error) === undefined || isUnavailable(error);
        throw error;
      } finally {
        client.release(broken);
      }
    },
    transaction: async <Result>(work: (tx: Sql) => Promise<Result>): Promise<Result> => {
      const client = await connect();
      let broken = true;
      try {
        await run(client, `begin isolation level read committed; set local statement_timeout = ${deadlineMs}`);
        const result = await work({
          query: async <Row>(text: string, params: readonly unknown[] = []) =>
            (await run(client, text, params)).rows as Row[],
        });
        const { command } = await run(client, "commit");
        broken = false;
        // What Postgres answers when a statement failed and `work` went on all the same.
        if (command === "ROLLBACK") {
          throw new ForgeqError("internal", "the transaction was rolled back: a statement of it had failed");
        }
        return result;
      } catch (error) {
        // Without a connection Postgres rolls back by itself.
        if (broken && !isUnavailable(error)) {
          broken = await run(client, "rollback").then(
            () => false,
            () => true,
          );
        }
        throw error;
      } finally {
        client.release(broken);
      }
    },
  };
};

const ignore = (): void => undefined;

interface Emitter {
  on(event: "error", listener: () => void): unknown;
}

/**
 * Lets a pool's connections break at any moment: while they are idle, between two statements, and in the same packet that
 * makes them ready. Without it the process would end. The next statement reports it, or opens another connection.
 */
export const outlive = <Pool extends Emitter>(
  pool: Pool & { on(event: "connect", listener: (client: Emitter) => void): unknown },
): Pool => {
  pool.on("error", ignore);
  pool.on("connect", (client) => client.on("error", ignore));
  return pool;
};
