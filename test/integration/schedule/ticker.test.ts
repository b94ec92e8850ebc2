import { expect, it, vi } from "vitest";
import { startTicker } from "../../../lib/queue/schedule/ticker.ts";
import { SCHEDULE_DEFAULTS } from "../../../lib/core/schedule.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { realTime } from "../../../lib/queue/time.ts";
import { setup } from "../../support/queue.ts";

/** A ticker whose waits are kept: each runs when the test says so. */
const start = async () => {
  const s = await setup();
  const waits: { readonly ms: number; readonly run: () => void }[] = [];
  const time = { ...realTime, wallMs: () => s.at(30).getTime(), after: (ms: number, run: () => void) => (waits.push({ ms, run }), () => undefined) }; // prettier-ignore
  const ticker = startTicker({ ...s.deps, time, random: () => 0.5 });
  const waited = (n: number) => vi.waitFor(() => expect(waits.length).toBeGreaterThanOrEqual(n), 20_000);
  await waited(2);
  /** Lets the newest wait end; gives the one that it leads to, in milliseconds. */
  const check = async (): Promise<number> => {
    const before = waits.length;
    waits.at(-1)!.run();
    await waited(before + 1);
    return waits.at(-1)!.ms;
  };
  return { ...s, ticker, waits, check };
};

it("checks every five seconds, and at the very instant of a slot, which fires once", async () => {
  const { deps, db, queue, at, moveTo, ticker, check } = await start();
  expect(await check()).toBe(5_000);
  const second = (at(0).getUTCSeconds() + 3) % 60;
  await createSchedule(deps, { ...SCHEDULE_DEFAULTS, name: "soon", cron: `${second} * * * * *`, type: "plain" });
  expect(await check()).toBe(3_000);
  moveTo(3);
  expect(await check()).toBe(5_000);
  expect(await check()).toBe(5_000);
  const jobs = await db.query<{ id: string; slot: string }>(
    "select id, metadata ->> 'slot_at' as slot from forgeq.job",
  );
  expect(jobs.map(({ slot }) => slot)).toEqual([at(3).toISOString().replace(".000Z", "Z")]);
  expect(await queue.state(jobs[0]!.id)).toBe("pending");
  await ticker.stop();
});

it("recovers a lease at the instant of its expiry, and counts it", async () => {
  const { queue, moveTo, ticker, check, metrics } = await start();
  const [id] = await queue.enqueue(1);
  await queue.lease();
  moveTo(57.5);
  expect(await check()).toBe(2_500);
  moveTo(60);
  expect(await check()).toBe(5_000);
  expect((await queue.get(id!)).attempts).toMatchObject([{ outcome: "lease_expired" }]);
  expect([metrics.counts.get("LeasesRecovered"), metrics.counts.get("JobsRecovered")]).toEqual([1, 1]);
  await ticker.stop();
});

it("tries again in five seconds what its queue refuses now", async () => {
  const { deps, db, at, moveTo, ticker, check } = await start();
  const second = (at(0).getUTCSeconds() + 1) % 60;
  await createSchedule(deps, { ...SCHEDULE_DEFAULTS, name: "soon", cron: `${second} * * * * *`, type: "plain" });
  await db.query("update forgeq.queue set max_pending = 0");
  moveTo(1);
  expect(await check()).toBe(5_000);
  await db.query("update forgeq.queue set max_pending = null");
  await check();
  expect(await db.query("select from forgeq.job")).toHaveLength(1);
  await ticker.stop();
});

it("fires a slot also while leases can't be recovered", async () => {
  const { deps, db, queue, at, moveTo, ticker, check } = await start();
  await queue.enqueue(1);
  await queue.lease();
  const second = at(70).getUTCSeconds();
  await createSchedule(deps, { ...SCHEDULE_DEFAULTS, name: "soon", cron: `${second} * * * * *`, type: "plain" });
  await db.query(
    `create or replace function forgeq.end_attempts(lease forgeq.lease, ended jsonb, reason text, now_at timestamptz,
       out answers jsonb, out wake_seconds double precision) language plpgsql as $$ begin raise 'not now'; end $$`,
  );
  moveTo(71);
  await check();
  expect(await db.query("select from forgeq.job where metadata ->> 'schedule' = 'soon'")).not.toEqual([]);
  await ticker.stop();
});
