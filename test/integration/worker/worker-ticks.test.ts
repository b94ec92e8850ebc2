import { describe, expect, it } from "vitest";
import { examine } from "../../../lib/cli/checks.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { createSchedule } from "../../../lib/queue/schedule/manage-schedules.ts";
import { TICK_PARTS } from "../../../lib/queue/schedule/tick-parts.ts";
import { createVirtualTime } from "../../support/virtual-time.ts";
import { setup } from "../../support/queue.ts";
import { everyMinute } from "../../support/schedule/schedules.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

/** A worker that ticks, in virtual time, and the names of the statements that it sends. */
const startTicking = async (scheduler = true) => {
  const made = await setupWorkers();
  const time = createVirtualTime(0);
  const names: string[] = [];
  const db: Db = {
    ...made.deps.db,
    query: (text, params) => {
      names.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return time.working(() => made.deps.db.query<never>(text, params));
    },
  };
  const worker = made.start(async () => undefined, { scheduler }, { db, time: time.time });
  await until(() => names.length > 0);
  await time.pass(10);
  /** The database's clock does not follow virtual time: what it has written goes back instead. */
  const pass = async (seconds: number): Promise<void> => {
    const back = `make_interval(secs => ${seconds})`;
    await made.db.query(
      `update forgeq.worker_turn set ticked_at = ticked_at - ${back}, slot_until = slot_until - ${back}`,
    );
    await made.db.query(`update forgeq.tick_part set done_at = done_at - ${back}`);
    await time.pass(seconds);
  };
  return { ...made, worker, pass, sent: () => names.splice(0) };
};

describe("workers without a server", () => {
  it("make a tick a minute in one statement, so that an idle one still sends at most 0.2 statements a second", async () => {
    const s = await startTicking();
    s.sent();
    for (let minute = 0; minute < 10; minute += 1) await s.pass(60);
    const sent = s.sent();
    expect(sent.filter((name) => name === "tidy")).toHaveLength(10);
    expect(sent.length).toBeLessThanOrEqual(120);
    expect(new Set(sent)).toEqual(new Set(["settle_and_take", "tidy"]));
  });

  it("repair, purge and end pauses as a server's tick does", async () => {
    const s = await startTicking();
    await s.db.query(
      "update forgeq.queue set paused = true, paused_at = now(), paused_until = clock_timestamp() - interval '1 second'",
    );
    await s.queue.enqueue(1);
    await s.db.query("update forgeq.job set claim_id = forgeq.uuid_v7(), attempt = 1");
    await s.pass(60);
    await until(async () => (await s.db.query("select from forgeq.job where claim_id is not null")).length === 0);
    await until(async () => (await s.db.query("select from forgeq.queue where paused")).length === 0);
    expect(await s.db.query("select count(*)::int as parts from forgeq.tick_part where done_at is not null")).toEqual([
      { parts: TICK_PARTS.length },
    ]);
  });

  it("fire a schedule's slots, each once, by any number of workers", async () => {
    const made = await setupWorkers();
    const ran: string[] = [];
    const work = async (_: unknown, job: { readonly id: string }): Promise<void> => void ran.push(job.id);
    await createSchedule(made.deps, everyMinute({ cron: "* * * * * *" }));
    for (let n = 0; n < 3; n += 1) made.start(work, { scheduler: true });
    await until(() => ran.length >= 3);
    expect(new Set(ran).size).toBe(ran.length);
  });

  it("leave schedules and clean-up to others where they are told to, which doctor then names", async () => {
    const s = await startTicking(false);
    await createSchedule(s.deps, everyMinute());
    await s.db.query("update forgeq.schedule set next_slot_at = clock_timestamp() - interval '10 minutes'");
    await s.queue.enqueue(1, { delaySeconds: 36_000 });
    await s.db.query("update forgeq.job set created_at = clock_timestamp() - interval '1 day'");
    s.sent();
    for (let minute = 0; minute < 5; minute += 1) await s.pass(60);
    expect(new Set(s.sent())).toEqual(new Set(["settle_and_take"]));
    const findings = await examine({ url: s.url, driver: "pg" }, [], "always");
    const found = Object.fromEntries(findings.map((each) => [each.check, each]));
    expect(found["schedules"]).toMatchObject({
      level: "problem",
      found: expect.stringMatching(/overdue.*every_minute \(6\d\d s\)/) as string,
    });
    expect(found["clean-up"]).toMatchObject({
      level: "problem",
      found: expect.stringContaining("the history is not purged at all") as string,
    });
    expect(found["schedules"]?.cure).toContain("forgeq worker");
  });
});

describe("the turn", () => {
  const take = async (db: Db, at: Date) =>
    (
      await db.query<{ turn: { tick: boolean; slot_seconds: number | null } | null }>(
        "select forgeq.take_turn($1) as turn",
        [at],
      )
    )[0]?.turn;

  it("is one worker's for a minute, and nobody's while a server ticks", async () => {
    const s = await setup();
    expect(await take(s.db, s.at(0))).toEqual({ tick: true, slot_seconds: null });
    expect(await take(s.db, s.at(59))).toBeNull();
    expect(await take(s.db, s.at(61))).toEqual({ tick: true, slot_seconds: null });
    await s.db.query("select forgeq.record_tick_parts('{purge}', '{purge}', $1)", [s.at(100)]);
    expect(await take(s.db, s.at(150))).toBeNull();
    expect(await take(s.db, s.at(161))).toEqual({ tick: true, slot_seconds: null });
    // The clock was put back.
    expect(await take(s.db, s.at(20))).toEqual({ tick: true, slot_seconds: null });
  });

  it("is not waited for while another worker takes it", async () => {
    const s = await setup();
    await s.db.transaction(async (tx) => {
      expect(await tx.query("select forgeq.take_turn() is not null as mine")).toEqual([{ mine: true }]);
      expect(await s.db.query("select forgeq.take_turn() as turn")).toEqual([{ turn: null }]);
    });
  });

  it("of a slot that its worker did not fire is given again", async () => {
    const s = await setup();
    await createSchedule(s.deps, everyMinute());
    await s.db.query("update forgeq.schedule set next_slot_at = $1", [s.at(10)]);
    await take(s.db, s.at(0));
    expect(await take(s.db, s.at(1))).toBeNull();
    expect(await take(s.db, s.at(5))).toEqual({ tick: false, slot_seconds: 5 });
    expect(await take(s.db, s.at(12))).toBeNull();
    expect(await take(s.db, s.at(16))).toEqual({ tick: false, slot_seconds: -6 });
  });
});
