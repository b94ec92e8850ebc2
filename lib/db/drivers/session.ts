import { ForgeqError } from "../../core/errors.ts";
import type { Cancellable, ShortClient } from "./cancel.ts";
import type { QueryOptions, Sql } from "./client.ts";
import {
  DeadConnectionError,
  DeadlineError,
  isCancelled,
  isUnavailable,
  leavesSound,
  UnwantedError,
} from "./failure.ts";
import { createHolding, type HeldClient, type HoldingPool } from "./holding.ts";
import { graceMs, isOver, statementMs } from "./invocation-limit.ts";
import { createOverdue, type Overdue } from "./overdue.ts";
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
interface Client extends Cancellable {
  query(statement: Statement | Submittable, done: (error: Error | null | undefined, answer: Answer) => void): void;
  release(broken: boolean): void;
}

interface PooledClient extends Client, HeldClient {}

/** The types of pg and of Neon's driver don't name what cancel requests need. */
export interface SessionPool extends HoldingPool<PooledClient> {
  end(): Promise<void>;
}

const GRACE_MS = 3_000;

interface Deadline {
  readonly ms: number;
  /** How long after it its caller waits for what has become of the statement. */
  readonly graceMs?: number;
  readonly overdue: Overdue<Client>;
}

/**
 * Sends one statement.
 *
 * With a callback and a timer of its own, because what pg makes for a promise, and for its `query_timeout`, holds every answer until the
 * next major garbage collection, and minor ones copy them all. See docs/adr/0015.
 *
 * @param deadline - after it the server is asked to end the statement
 * @throws {DeadlineError} where it did, or does not answer; `DeadConnectionError` where it knows nothing of the statement
 */
export const submit = (client: Client, statement: Statement | Submittable, deadline: Deadline): Promise<Answer> =>
  new Promise((resolve, reject) => {
    let over = (): void => undefined;
    let ending: Promise<unknown> | undefined;
    let timer = setTimeout(() => {
      ending = deadline.overdue.end(client, new Promise((resolved) => (over = resolved))).then((end) => {
        clearTimeout(timer);
        if (end === "dead") reject(new DeadConnectionError());
      });
      timer = setTimeout(() => reject(new DeadlineError(deadline.ms)), deadline.graceMs ?? GRACE_MS);
    }, deadline.ms);
    client.query(statement, (error, answer) => {
      clearTimeout(timer);
      const settle = (): void => {
        if (!error) resolve(answer);
        else reject(ending && isCancelled(error) ? new DeadlineError(deadline.ms, { cause: error }) : error);
      };
      if (ending === undefined) return settle();
      // Not before the request is dealt with: it would hit the next statement.
      void ending.then(settle);
      over();
    });
  });

export type Send = (client: Client, text: string, params: readonly unknown[], deadline: Deadline) => Promise<Answer>;

export const send: Send = (client, text, params, deadline) =>
  submit(client, { text, values: toParams(params) }, deadline);

const orThrow = async <Result>(work: Promise<Result>, toError: (thrown: unknown) => unknown): Promise<Result> => {
  try {
    return await work;
  } catch (thrown) {
    throw toError(thrown);
  }
};

interface SessionOptions {
  /** Of one statement; inside a transaction Postgres ends it too, so that its locks are not held longer. */
  readonly deadlineMs: number;
  /** Connections that may stay open while the environment of a function is frozen; all unless given. */
  readonly atRest?: (() => number) | undefined;
  /** A connection that is not the pool's, for cancel requests. */
  readonly makeShortClient: () => ShortClient;
  /** Whatever the driver rejects with, as an Error. */
  readonly toError?: (thrown: unknown) => unknown;
  /** Sends a statement that is its own transaction. An error inside a caller's transaction would end that transaction. */
  readonly sendAlone?: Send;
}

export interface Sessions extends Sql {
  readonly transaction: <Result>(work: (tx: Sql) => Promise<Result>) => Promise<Result>;
  /** Lets go of the connections whose statements are past their deadline. Ends with the pool. */
  readonly close: () => Promise<void>;
}

/**
 * Statements and transactions on a pool's connections. An error of Postgres leaves a connection sound, also when it ends a statement at
 * its deadline; any other one takes it along.
 */
export const createSessions = (
  pool: () => SessionPool,
  { deadlineMs, atRest, makeShortClient, toError = (thrown) => thrown, sendAlone = send }: SessionOptions,
): Sessions => {
  const overdue = createOverdue<Client>(makeShortClient);
  const { connect, letGo } = createHolding<PooledClient>(pool, atRest);
  const run = async (
    client: Client,
    text: string,
    params: readonly unknown[] = [],
    options: QueryOptions = {},
    how: Send = send,
  ): Promise<Answer> => {
    if (isOver()) throw new UnwantedError();
    const ms = Math.min(deadlineMs, options.deadlineMs ?? Infinity, statementMs());
    return orThrow(how(client, text, params, { ms, graceMs: Math.min(GRACE_MS, graceMs()), overdue }), toError);
  };
  const release = (client: PooledClient, broken: boolean): void => {
    letGo(client);
    const ending = overdue.ending(client);
    if (ending === undefined) client.release(broken || overdue.isUnsure(client));
    else void ending.then(() => client.release(true));
  };

  return {
    query: async <Row>(text: string, params: readonly unknown[] = [], options: QueryOptions = {}): Promise<Row[]> => {
      const client = await orThrow(connect(), toError);
      let broken = false;
      try {
        if (options.isUnwanted?.() === true) throw new UnwantedError();
        return (await run(client, text, params, options, sendAlone)).rows as Row[];
      } catch (error) {
        broken = !leavesSound(error);
        throw error;
      } finally {
        release(client, broken);
      }
    },
    transaction: async <Result>(work: (tx: Sql) => Promise<Result>): Promise<Result> => {
      const client = await orThrow(connect(), toError);
      let broken = true;
      try {
        await run(client, `begin isolation level read committed; set local statement_timeout = ${deadlineMs}`);
        const result = await work({
          query: async <Row>(text: string, params: readonly unknown[] = [], options: QueryOptions = {}) =>
            (await run(client, text, params, options)).rows as Row[],
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
        if (broken && !isUnavailable(error) && overdue.ending(client) === undefined) {
          broken = await run(client, "rollback").then(
            () => false,
            () => true,
          );
        }
        throw error;
      } finally {
        release(client, broken);
      }
    },
    close: async () => {
      const ended = pool().end();
      overdue.close();
      await ended;
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
