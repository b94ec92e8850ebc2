/** Counts what one call of the real code costs the server. */
import pg from "pg";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import type { Db, Sql } from "../../lib/db/drivers/client.ts";
import { messageOf } from "../../lib/core/reason.ts";
import type { LocalPostgres } from "../../lib/local/postgres.ts";
import { DATABASE } from "./fill.ts";

/** Of one call, all its statements together. */
export interface Cost {
  readonly statements: number;
  readonly buffers: number;
  readonly walBytes: number;
  /** Blocks of temporary files, read and written. */
  readonly tempBlocks: number;
  readonly serverMs: number;
  /** Locks on tables and indexes, of the statement that takes most; null where the call can't be made once more. */
  readonly locks: number | null;
}

export type Measured = { readonly name: string } & (({ readonly failed?: never } & Cost) | { readonly failed: string });

/** Prepares a call, which is not counted, and gives it. */
export type Make = () => Promise<() => Promise<unknown>>;

export interface Repeats {
  /** Calls before the first that is counted. */
  readonly warm: number;
  /** Counted calls; the median by buffers is shown. */
  readonly runs: number;
  /** Whether another call is made for its locks. */
  readonly locks: boolean;
}

const USUAL: Repeats = { warm: 2, runs: 3, locks: true };

/** For what changes so much that it can be done once. */
export const ONCE: Repeats = { warm: 0, runs: 1, locks: false };

export interface Meter {
  /** What the calls are given. */
  readonly db: Db;
  measure(name: string, make: Make, repeats?: Repeats): Promise<Measured>;
  close(): Promise<void>;
}

const RESET = "select pg_stat_statements_reset(0, $1::oid, 0)";
const READ = `select coalesce(sum(calls), 0)::int as statements, coalesce(sum(shared_blks_hit + shared_blks_read), 0)::float8 as buffers,
  coalesce(sum(wal_bytes), 0)::float8 as "walBytes", coalesce(sum(temp_blks_read + temp_blks_written), 0)::float8 as "tempBlocks",
  coalesce(sum(total_exec_time), 0)::float8 as "serverMs"
from pg_stat_statements
where dbid = $1::oid and toplevel and query !~* '^(begin|commit|rollback)'`;
const LOCKS = "select count(*)::int as locks from pg_locks where pid = pg_backend_pid() and locktype = 'relation'";

/** The median, because a page that is split, or touched for the first time, is no part of what a call costs. */
const middleOf = (costs: readonly Omit<Cost, "locks">[]): Omit<Cost, "locks"> => {
  const sorted = costs.toSorted((a, b) => a.buffers - b.buffers);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("nothing was counted");
  return { ...middle, serverMs: Math.min(...costs.map(({ serverMs }) => serverMs)) };
};

export const createMeter = async (server: LocalPostgres): Promise<Meter> => {
  // One connection, as the plans of a connection are part of the figures; a statement that takes minutes is a figure, too.
  const real = await connectDb({ url: server.url(DATABASE), max: 1, keep: 1, statementSeconds: 600 });
  const admin = new pg.Client({ connectionString: server.url("postgres") });
  await admin.connect();
  const { rows } = await admin.query<{ oid: number }>("select oid from pg_database where datname = $1", [DATABASE]);
  const oid = rows[0]?.oid;

  let locks: number | null = null;
  const counting = <Result>(work: (tx: Sql) => Promise<Result>): Promise<Result> =>
    real.transaction(async (tx) => {
      const result = await work(tx);
      const [held] = await tx.query<{ locks: number }>(LOCKS);
      locks = Math.max(locks ?? 0, held?.locks ?? 0);
      return result;
    });
  const db: Db = {
    driver: "pg",
    query: <Row>(text: string, params?: readonly unknown[]) =>
      locks === null ? real.query<Row>(text, params) : counting((tx) => tx.query<Row>(text, params)),
    transaction: (work) => (locks === null ? real.transaction(work) : counting(work)),
    close: () => real.close(),
  };

  const locksOf = async (make: Make): Promise<number> => {
    const call = await make();
    locks = 0;
    try {
      await call();
      return locks;
    } finally {
      locks = null;
    }
  };

  return {
    db,
    measure: async (name, make, { warm, runs, locks: wantsLocks } = USUAL) => {
      try {
        for (let n = 0; n < warm; n += 1) await (await make())();
        const costs: Omit<Cost, "locks">[] = [];
        for (let n = 0; n < runs; n += 1) {
          const call = await make();
          await admin.query(RESET, [oid]);
          await call();
          const read = await admin.query<Omit<Cost, "locks">>(READ, [oid]);
          costs.push(...read.rows);
        }
        return { name, ...middleOf(costs), locks: wantsLocks ? await locksOf(make) : null };
      } catch (error) {
        return { name, failed: messageOf(error) };
      }
    },
    close: async () => {
      await real.close();
      await admin.end();
    },
  };
};
