import pg from "pg";
import { defineQueue } from "../../lib/core/define.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { tick } from "../../lib/queue/schedule/tick.ts";
import { depsFor } from "../deps.ts";
import { createBench } from "../measure.ts";
import type { Study } from "../study.ts";
import { noop } from "../systems/forgeq.ts";
import { runSteadily } from "./steady-jobs.ts";

const MOST_PER_SECOND = 2_000;
const MINUTE_MS = 60_000;

/** Jobs that were settled in each minute, at this rate of enqueueing; a tick goes on meanwhile, as a server makes one each minute. */
const perMinute = async (url: string, perSecond: number, minutes: number, hold: boolean): Promise<number[]> => {
  const db = await connectDb({ url, max: 6, statementSeconds: 60 });
  await syncDefinitions(db, [noop], [defineQueue({ name: "noop", maxInFlight: 100_000 })]);
  const holder = new pg.Client({ connectionString: url });
  await holder.connect();
  if (hold) await holder.query("begin isolation level repeatable read; select count(*) from forgeq.job");
  const startedMs = performance.now();
  const settled = Array.from({ length: minutes }, () => 0);
  const minute = () => Math.floor((performance.now() - startedMs) / MINUTE_MS);
  const ended = () => minute() >= minutes;
  const ticking = setInterval(() => void tick(depsFor(db), () => MINUTE_MS), MINUTE_MS);
  await runSteadily(db, {
    perSecond,
    ended,
    timed: (_, work) => work(),
    onSettled: (jobs) => {
      const now = minute();
      if (now < minutes) settled[now] = (settled[now] ?? 0) + jobs;
    },
  });
  clearInterval(ticking);
  await holder.end();
  await db.close();
  return settled;
};

/** The highest rate that the machine holds for two minutes, at most 2,000 jobs a second, and then ten minutes of it beside a held snapshot. */
export const heldRate: Study = async (servers, say) => {
  const bench = createBench(servers);
  const free = await perMinute(await bench.database("forgeq"), MOST_PER_SECOND, 2, false);
  const perSecond = Math.floor(Math.min(MOST_PER_SECOND, ...free.map((jobs) => jobs / 60)));
  say(`${perSecond} jobs a second without a holder`);
  const beside = await perMinute(await bench.database("forgeq"), perSecond, 10, true);
  await bench.close();
  const [first = 1, last = 0] = [beside[0], beside.at(-1)];
  return { perSecond, free, beside, lastOfFirst: last / first, must: { lastOfFirst: 0.9 } };
};
