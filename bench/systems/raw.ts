/** The limit: plain SQL that writes the rows that ForgeQ writes, with nothing checked, in one statement for each step. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { binaryIds } from "../../lib/db/protocol/binary-ids.ts";
import type { Client, Payload, System, Target } from "../system.ts";

const SCHEMA = `
create type finished_state as enum ('completed', 'dead', 'cancelled');
create table job (id uuid not null, run_at timestamptz not null, created_at timestamptz, life smallint not null default 1,
  priority smallint not null, max_attempts smallint not null, dispatches smallint, depth smallint,
  claim_id uuid, attempt smallint not null default 0, payload json not null, queue text not null, type text not null, unique_key text,
  traceparent text, metadata jsonb, primary key (id))
  with (fillfactor = 44, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index job_due on job (queue, priority, run_at);
create table job_history (id uuid not null, finished_at timestamptz not null, created_at timestamptz not null, run_at timestamptz,
  began_at timestamptz, lease_id uuid, state finished_state not null, life int not null, priority smallint not null, attempt smallint not null,
  max_attempts smallint not null, depth smallint, payload json, queue text not null, type text not null, unique_key text,
  traceparent text, metadata jsonb, result jsonb, error jsonb);
create index job_history_id on job_history (id);`;

const INSERT = `insert into job (id, run_at, priority, max_attempts, queue, type, payload)
select id, now(), 5, 8, 'noop', 'noop', payload::json
from (select unnest($1::uuid[]) as id, string_to_table($2, E'\\n') as payload) j`;

/** The claim of the jobs that are pushed: they are stored claimed. */
const PUSHED = randomUUID();

const INSERT_AND_PUSH = `with stored as (
  insert into job (id, run_at, claim_id, attempt, priority, max_attempts, queue, type, payload)
  select id, now(), $3::uuid, 1, 5, 8, 'noop', 'noop', payload::json
  from (select unnest($1::uuid[]) as id, string_to_table($2, E'\\n') as payload) j)
select pg_notify('raw', to_json($1::uuid[]) || E'\\n' || $2)`;

const DONE = `done as (
  delete from job where ctid = any (array(
    select j.ctid from unnest($1::uuid[]) as u(id)
    cross join lateral (select job.ctid from job where job.id = u.id and job.claim_id = $2::uuid offset 0) j))
  returning *),
kept as (
  insert into job_history (id, life, finished_at, created_at, run_at, began_at, lease_id, state, priority, attempt, max_attempts, depth,
    queue, type, payload)
  select id, life, now(), coalesce(created_at, run_at), case when run_at <> created_at then run_at end, now(), claim_id, 'completed', priority, attempt, max_attempts, depth, queue,
    type, payload
  from done where $5)`;

export const DONE_AND_CLAIM = `with ${DONE}
update job set claim_id = $3::uuid, attempt = attempt + 1
where ctid = any (array(
  select ctid from job
  where queue = 'noop' and priority = 5 and run_at > $4::timestamptz and run_at <= now() and claim_id is null
  order by run_at limit $6 for update skip locked)) and claim_id is null
returning id, attempt, payload, run_at`;

interface Claimed {
  readonly id: string;
  readonly run_at: Date;
  readonly payload: Payload;
}

/** Reads the answer by callback, as ForgeQ does: pg's promise would keep what was claimed until a major garbage collection (ADR 15). */
const answerOf = (client: pg.PoolClient, params: unknown[]): Promise<pg.QueryResult<Claimed>> =>
  new Promise((resolve, reject) => {
    client.query<Claimed>(DONE_AND_CLAIM, params, (error, result) => (error ? reject(error) : resolve(result)));
  });

/** A client at work. */
interface Raw {
  readonly target: Target;
  readonly pool: pg.Pool;
  /** What no statement carries yet; `flush` takes all of it. */
  waiting: { readonly payload: Payload; readonly resolve: () => void }[];
  /** Statements of single jobs under way; `flush` counts them. */
  inFlight: number;
  /** Set by `serve`: from then on jobs are stored claimed, and pushed to the listener. */
  heard: boolean;
  /** Ends what `serve` began; nothing until then. */
  stopServing: () => Promise<void>;
}

const PLANS = "set enable_seqscan = off; set enable_bitmapscan = off";

const openRaw = async (target: Target): Promise<Raw> => {
  const pool = new pg.Pool({ connectionString: target.url, max: 10 });
  pool.on("error", () => undefined);
  await pool.query("set enable_seqscan = off");
  return { target, pool, waiting: [], inFlight: 0, heard: false, stopServing: () => Promise.resolve() };
};

const insert = async ({ pool, heard }: Raw, payloads: readonly Payload[]): Promise<void> => {
  const jobs = [binaryIds(payloads.map(uuidV7)), payloads.map((payload) => JSON.stringify(payload)).join("\n")];
  await (heard ? pool.query(INSERT_AND_PUSH, [...jobs, PUSHED]) : pool.query(INSERT, jobs));
};

/** Everything that waits goes in one statement, two of them in flight: what coalescing can reach at most. */
const flush = (raw: Raw): void => {
  if (raw.inFlight >= 2 || raw.waiting.length === 0) return;
  const batch = raw.waiting;
  raw.waiting = [];
  raw.inFlight += 1;
  void insert(
    raw,
    batch.map(({ payload }) => payload),
  ).then(() => {
    raw.inFlight -= 1;
    for (const { resolve } of batch) resolve();
    flush(raw);
  });
};

/** Settles what it holds and claims more, in one statement, until there is nothing more. */
const drainLane = async ({ pool, target: { keepHistory, rttMs } }: Raw): Promise<void> => {
  const client = await pool.connect();
  await client.query(PLANS);
  let held: readonly Claimed[] = [];
  let claimId: string = randomUUID();
  let low = "-infinity";
  do {
    const nextId = randomUUID();
    const ids = held.map(({ id }) => id);
    const { rows } = await answerOf(client, [ids, claimId, nextId, low, keepHistory, rttMs < 10 ? 500 : 1_000]);
    const last = rows.reduce((most, row) => Math.max(most, row.run_at.getTime()), 0);
    if (last > 0) low = new Date(last - 1_000).toISOString();
    claimId = nextId;
    held = rows;
  } while (held.length > 0);
  client.release();
};

/** Settles, in one statement at a time, the pushed jobs that have ended. */
const createSettler = (client: pg.PoolClient, keepHistory: boolean) => {
  let done: string[] = [];
  let settling: Promise<void> | undefined;
  const settle = async (): Promise<void> => {
    while (done.length > 0) {
      const ids = done;
      done = [];
      await answerOf(client, [ids, PUSHED, randomUUID(), "-infinity", keepHistory, 500]);
    }
    settling = undefined;
  };
  return {
    add: (ids: readonly string[]): void => {
      done.push(...ids);
      if (done.length > 0) settling ??= settle();
    },
    settled: async (): Promise<void> => settling,
  };
};

const serve = async (raw: Raw, onStart: (payload: Payload) => void): Promise<void> => {
  const client = await raw.pool.connect();
  await client.query(PLANS);
  const listener = new pg.Client({ connectionString: raw.target.url });
  await listener.connect();
  const settler = createSettler(client, raw.target.keepHistory);
  listener.on("notification", ({ payload = "" }) => {
    const [ids = "[]", ...payloads] = payload.split("\n");
    for (const each of payloads) onStart(JSON.parse(each) as Payload);
    settler.add(JSON.parse(ids) as string[]);
  });
  await listener.query("listen raw");
  raw.heard = true;
  raw.stopServing = async () => {
    await listener.end();
    await settler.settled();
    client.release();
  };
};

export const system: System = {
  prepare: async ({ url }) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(SCHEMA);
    await client.end();
  },
  open: async (target): Promise<Client> => {
    const raw = await openRaw(target);
    return {
      enqueue: (payload) =>
        new Promise((resolve) => {
          raw.waiting.push({ payload, resolve });
          queueMicrotask(() => flush(raw));
        }),
      enqueueBulk: (payloads) => insert(raw, payloads),
      drain: async () => {
        // ForgeQ's worker sends as many statements concurrently, and as large ones.
        const lanes = 2 + Math.floor(target.rttMs / 10);
        await Promise.all(Array.from({ length: lanes }, () => drainLane(raw)));
        const { rows } = await raw.pool.query<{ left: boolean }>("select exists (select from job) as left");
        if (rows[0]?.left !== false) throw new Error("the raw drain left jobs");
      },
      serve: (onStart) => serve(raw, onStart),
      close: async () => {
        await raw.stopServing();
        await raw.pool.end();
      },
    };
  },
};
