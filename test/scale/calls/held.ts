/** The calls that others' transactions could make dearer: measured again while those are held open and jobs go through. */
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import type { LocalPostgres } from "../../../lib/local/postgres.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { beginLease, recover } from "../../../lib/db/protocol/leases.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { nextEvent } from "../../../lib/db/protocol/wake.ts";
import { foldCounters, readCounters } from "../../../lib/db/reads/metrics.ts";
import { readQueueStats } from "../../../lib/db/reads/stats.ts";
import { DATABASE } from "../fill.ts";
import { ONCE } from "../meter.ts";
import { item, items, claimTen, type World } from "../world.ts";
import { take } from "./runner.ts";

const JOBS_A_CALL = 100;

/**
 * Leases of the last seconds are always read, as a transaction may commit late: 15 seconds where counters are read, 5 where expired leases are looked for. The
 * jobs go through here at many times the rate that a database takes for long, so these seconds are waited for.
 */
const SETTLED_MS = 16_000;

/** As a worker's and a dispatcher's: see lib/queue/run/watermarks.ts. */
const SWEEP_EVERY_MS = 5_000;

/** The next take of each queue begins at its first job, as one in five seconds does. */
const sweepNext = ({ marks }: World): void => marks.clear();

/** A worker goes on sweeping when nothing is due, and a dispatcher sweeps before it ends. */
const sweep = async (world: World): Promise<void> => {
  sweepNext(world);
  for (const queue of ["emails", "crawl"]) await take(world, [queue], { maxJobs: 10 });
};

/** One call settles what the last one took, and takes on. Every tenth is of the limited queue. */
const runJobs = async (world: World, jobs: number): Promise<void> => {
  let sweptAtMs = performance.now();
  let held = await take(world, ["emails"]);
  for (let done = 0; done < jobs; done += JOBS_A_CALL) {
    const limited = done % (10 * JOBS_A_CALL) === 0;
    if (performance.now() - sweptAtMs > SWEEP_EVERY_MS) {
      sweepNext(world);
      sweptAtMs = performance.now();
    }
    await enqueueMany(world.db, items(JOBS_A_CALL, { type: limited ? "crawl_page" : "send_email" }), true, null);
    const settles = held.map(({ id, jobs: of }) => ({
      leaseId: id,
      all: true,
      ended: of.map((job) => ({ id: job.id, outcome: "completed" as const })),
    }));
    held = await take(world, [limited ? "crawl" : "emails"], { settles });
    if (held.length === 0) throw new Error("nothing was taken");
  }
};

const OPEN = `select id as "leaseId", begun_by as "begunBy", job_ids as ids from forgeq.lease`;

/** Ends what the calls before have left open: handlers begin a lease within seconds, and end it. One that stays open, and its jobs, are looked at by each call. */
const endLeases = async ({ db, worker }: World): Promise<void> => {
  const open = await db.query<{ leaseId: string; begunBy: string | null; ids: readonly string[] }>(OPEN);
  for (const { leaseId, begunBy, ids } of open) {
    const holder = { leaseId, begunBy: begunBy ?? worker };
    if (begunBy === null) await beginLease(db, { ...holder, leaseSeconds: 600, invocation: "scale", at: null });
    const ended = ids.map((id) => ({ id, outcome: "completed" as const }));
    await settle(db, holder, ended, null, true);
  }
};

/** What looks for what is due, when nobody has looked since the jobs went through; sweeps alone have come by. Measured before the others, and once. */
const FIRST_LOOKS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  "next event, the first one beside holders": ({ db }) => nextEvent(db, null),
  "recover, the first one beside holders": ({ db }) => recover(db, 200, null),
};

export const FIRST_LOOK_CALLS: readonly string[] = Object.keys(FIRST_LOOKS);

/** Measured without and with holders, by these names and with " beside holders". */
const CALLS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  "enqueue again": ({ db }) => enqueueMany(db, [item()], true, null),
  "enqueue again, max_pending": ({ db }) => enqueueMany(db, [item({ type: "capped_job" })], true, null),
  "take of 100 again": (world) => take(world, ["emails"]),
  "take of 10 again, limited queue": (world) => take(world, ["crawl"], { maxJobs: 10 }),
  "claim of 10 again, limited queue": (world) => claimTen(world, "crawl"),
  "idle take again": (world) => take(world, ["quiet", "fleeting"]),
  "next event again": ({ db }) => nextEvent(db, null),
  "recover again": ({ db }) => recover(db, 200, null),
  "fold again": ({ db }) => foldCounters(db, null),
  "counters again": ({ db }) => readCounters(db),
  "stats again": ({ db }) => readQueueStats(db, ["emails"], null),
};

export const HELD_CALLS: readonly string[] = Object.keys(CALLS);
export const BESIDE = " beside holders";

const open = async (url: string, ...statements: readonly string[]): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  return client;
};

/** A snapshot, a transaction that writes elsewhere in the cluster, and one that has enqueued. */
const hold = async (server: LocalPostgres): Promise<readonly pg.Client[]> => [
  await open(server.url(DATABASE), "begin isolation level repeatable read", "select count(*) from forgeq.queue"),
  await open(server.url(), "create table if not exists held (n int)", "begin", "insert into held values (1)"),
  await open(
    server.url(DATABASE),
    "begin",
    "select pg_sleep(0.01)",
    `select forgeq.enqueue('send_email', '{"email": "a@example.com"}')`,
  ),
];

export const heldCalls = async (world: World, server: LocalPostgres): Promise<void> => {
  const jobs = Math.max(10_000, Math.min(300_000, world.sizes.waiting / 5));
  await endLeases(world);
  await runJobs(world, 2_000);
  for (const [name, run] of Object.entries(CALLS)) await world.call(name, () => run(world));
  await endLeases(world);
  const holders = await hold(server);
  try {
    await runJobs(world, jobs);
    await setTimeout(SETTLED_MS);
    await sweep(world);
    for (const [name, run] of Object.entries(FIRST_LOOKS)) await world.call(name, () => run(world), ONCE);
    for (const [name, run] of Object.entries(CALLS)) await world.call(`${name}${BESIDE}`, () => run(world));
  } finally {
    for (const holder of holders) await holder.end();
  }
};
