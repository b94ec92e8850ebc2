import type { Db } from "../../lib/db/drivers/client.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { defineQueue } from "../../lib/core/define.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { claim } from "../../lib/db/protocol/leases.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { createBench } from "../measure.ts";
import { noop } from "../systems/forgeq.ts";
import type { Study } from "../study.ts";

const DEPTHS = [100_000, 1_000_000, 5_000_000];
const DISPATCHERS = [1, 2, 4, 8, 16];

// Due in the order in which they were stored, as jobs that wait are.
const FILL = `insert into forgeq.job (id, run_at, created_at, priority, max_attempts, queue, type, payload)
select forgeq.uuid_v7(), now() - make_interval(secs => 10000) + make_interval(secs => n / 1000.0), now(), 5, 8, 'noop', 'noop',
       jsonb_build_object('email', 'user' || n || '@example.com', 'subject', 'Welcome', 'body', 'Hello, and welcome', 'n', n, 'sentAtMs', 1)
from generate_series($1::int + 1, $2::int) as n`;

const scan = (db: Db, maxJobs: number) => {
  let watermarks: readonly string[] | null = null;
  return async () => {
    const claimed = await claim(db, {
      queue: "noop",
      claimId: uuidV7(),
      maxJobs,
      watermarks,
      blockedTypes: [],
      dispatchSeconds: 90,
      at: null,
    });
    watermarks = claimed.watermarks;
    return claimed.leases.reduce((sum, lease) => sum + lease.jobs, 0);
  };
};

const open = async (url: string): Promise<Db> => {
  const db = await connectDb({ url, max: 16, statementSeconds: 600 });
  await syncDefinitions(db, [noop], [defineQueue({ name: "noop", maxInFlight: null })]);
  return db;
};

interface Depth {
  readonly waiting: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** p50 and p99 of claims of 100, by the number of jobs that wait: just stored, and at rest, when a checkpoint has written them all. */
export const backlog: Study = async (servers, say) => {
  const bench = createBench(servers);
  const justStored: Depth[] = [];
  const atRest: Depth[] = [];
  const db = await open(await bench.database("forgeq"));
  const measure = async (next: () => Promise<number>, waiting: number, into: Depth[]): Promise<void> => {
    for (let n = 0; n < 50; n += 1) await next();
    const times: number[] = [];
    for (let n = 0; n < 300; n += 1) {
      const startedMs = performance.now();
      await next();
      times.push(performance.now() - startedMs);
    }
    times.sort((a, b) => a - b);
    into.push({ waiting, p50Ms: times[150] ?? 0, p99Ms: times[297] ?? 0 });
    say(`${into === atRest ? "at rest" : "just stored"} ${JSON.stringify(into.at(-1))}`);
  };
  let stored = 0;
  for (const depth of DEPTHS) {
    await db.query(FILL, [stored, depth]);
    stored = depth;
    await db.query("vacuum analyze forgeq.job");
    const next = scan(db, 100);
    await measure(next, depth, justStored);
    // From now on the first change of a page logs all of it.
    await db.query("checkpoint");
    await measure(next, depth, atRest);
  }
  await db.close();
  await bench.close();
  const growth = (depths: readonly Depth[]) => (depths.at(-1)?.p50Ms ?? 0) / (depths[0]?.p50Ms ?? 1);
  const line = (depths: readonly Depth[], figure: "p50Ms" | "p99Ms") =>
    depths.map((depth) => [depth.waiting, depth[figure]] as const);
  return {
    justStored,
    atRest,
    growth: { justStored: growth(justStored), atRest: growth(atRest) },
    must: 1.2,
    plot: {
      title: "Claim of 100 jobs by the number of jobs waiting",
      x: "jobs waiting",
      y: "ms",
      lines: [
        { label: "just stored, p50", points: line(justStored, "p50Ms") },
        { label: "just stored, p99", points: line(justStored, "p99Ms") },
        { label: "at rest, p50", points: line(atRest, "p50Ms") },
        { label: "at rest, p99", points: line(atRest, "p99Ms") },
      ],
    },
  };
};

/** Jobs claimed a second by this many concurrent dispatchers, 500 a claim. */
export const dispatchers: Study = async (servers, say) => {
  const bench = createBench(servers);
  const found: { dispatchers: number; jobsPerSecond: number }[] = [];
  for (const count of DISPATCHERS) {
    const db = await open(await bench.database("forgeq"));
    await db.query(FILL, [0, 40_000]);
    const startedMs = performance.now();
    const claimed = await Promise.all(
      Array.from({ length: count }, async () => {
        const next = scan(db, 500);
        let sum = 0;
        for (let got = await next(); got > 0; got = await next()) sum += got;
        return sum;
      }),
    );
    const seconds = (performance.now() - startedMs) / 1000;
    const sum = claimed.reduce((total, each) => total + each, 0);
    found.push({ dispatchers: count, jobsPerSecond: Math.round(sum / seconds) });
    say(`${JSON.stringify(found.at(-1))}, ${sum} claimed`);
    await db.close();
  }
  await bench.close();
  return {
    found,
    plot: {
      title: "Claims by 1 to 16 dispatchers",
      x: "dispatchers",
      y: "jobs/s",
      lines: [
        { label: "500 a claim", points: found.map(({ dispatchers: x, jobsPerSecond }) => [x, jobsPerSecond] as const) },
      ],
    },
  };
};
