import pg from "pg";
import { defineQueue } from "../../lib/core/define.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { createBench } from "../measure.ts";
import { median } from "../rounds.ts";
import { noop } from "../systems/forgeq.ts";
import type { Study } from "../study.ts";
import { runSteadily, STEPS } from "./steady-jobs.ts";

const PER_SECOND = 2_500;
const SECONDS = 80;
const WINDOW_SECONDS = 10;
const PROBE_MS = 20;
/** In addition to the steps, a durable insert of one number into a table of its own shows what the disk and the machine take. */
const TIMED = [...STEPS, "insert"] as const;

type Timed = (typeof TIMED)[number];

/** Claims, begins and settles 2,500 jobs a second for 80 s while another transaction is held; how long each step takes, by 10 s. */
const measureWhileHeld = async (url: string, begin: string, seconds: number) => {
  const db = await connectDb({ url, max: 6, statementSeconds: 60 });
  await syncDefinitions(db, [noop], [defineQueue({ name: "noop", maxInFlight: null })]);
  await db.query("create table forgeq.probe (n int)");
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  await holder.query(begin);
  const startedMs = performance.now();
  const samples: { atMs: number; step: Timed; ms: number }[] = [];
  const timed = async <Result>(step: Timed, work: () => Promise<Result>): Promise<Result> => {
    const fromMs = performance.now();
    const result = await work();
    samples.push({ atMs: fromMs - startedMs, step, ms: performance.now() - fromMs });
    return result;
  };
  let settled = 0;
  const ended = () => performance.now() - startedMs > seconds * 1000;
  const probe = async () => {
    while (!ended()) {
      await timed("insert", () => db.query("insert into forgeq.probe values (1)"));
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  };
  const [enqueued] = await Promise.all([
    runSteadily(db, { perSecond: PER_SECOND, ended, timed, onSettled: (jobs) => (settled += jobs) }),
    probe(),
  ]);
  await holder.query("rollback");
  await holder.end();
  const [waiting] = await db.query<{ n: number }>("select count(*)::int as n from forgeq.job where claim_id is null");
  await db.close();
  const windows = Array.from({ length: seconds / WINDOW_SECONDS }, (_, n) =>
    Object.fromEntries(
      TIMED.map((step) => {
        const times = samples
          .filter((one) => one.step === step && Math.floor(one.atMs / 1000 / WINDOW_SECONDS) === n)
          .map(({ ms }) => ms)
          .sort((a, b) => a - b);
        return [step, { p50: median(times), p99: times[Math.floor(times.length * 0.99)] ?? 0 }];
      }),
    ),
  );
  return { enqueued, settled, waiting: waiting?.n, windows };
};

export const held: Study = async (servers, say) => {
  const bench = createBench(servers);
  const reader = await measureWhileHeld(
    await bench.database("forgeq"),
    "begin isolation level repeatable read; select count(*) from forgeq.job",
    SECONDS,
  );
  say(JSON.stringify(reader));
  const writer = await measureWhileHeld(
    await bench.database("forgeq"),
    "begin; create table forgeq.of_a_writer (n int); insert into forgeq.of_a_writer values (1)",
    20,
  );
  say(JSON.stringify(writer));
  await bench.close();
  const [first, last] = [reader.windows[0], reader.windows.at(-1)];
  return {
    perSecond: PER_SECOND,
    reader,
    growth: Object.fromEntries(STEPS.map((step) => [step, (last?.[step]?.p50 ?? 0) / (first?.[step]?.p50 ?? 1)])),
    must: { growth: 1.25, p99Ms: 6 },
    writer,
    plot: {
      title: "During a held transaction, 2,500 jobs a second",
      x: "seconds",
      y: "p50, ms",
      lines: STEPS.map((step) => ({
        label: step,
        points: reader.windows.map((window, n) => [(n + 1) * WINDOW_SECONDS, window[step]?.p50 ?? 0] as const),
      })),
    },
  };
};
