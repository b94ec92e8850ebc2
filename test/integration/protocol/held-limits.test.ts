import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { buffersOf } from "../../support/database/buffers.ts";
import { heldBacklog } from "../../support/database/held-backlog.ts";

/** Dead leases, as a long transaction keeps them: made in the last minutes, and closed. */
const DEAD = `with made as (
  insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at)
  select forgeq.least_id((extract(epoch from clock_timestamp()) * 1000)::bigint - 600000 + n * 10), gen_random_uuid(), 1, 'plain', 'plain',
    array_fill(gen_random_uuid(), array[10]), 10, now(), now() + interval '1 hour'
  from generate_series(1, 20000) n
  returning id)
select count(*) from made`;

const CLOSE = "delete from forgeq.lease where expires_at = created_at + interval '1 hour'";

describe("while somebody's snapshot is held", () => {
  it.each([100, null])(
    "a take costs the same after 2,000 leases of a queue with a limit of %s",
    { timeout: 240_000 },
    async (maxInFlight) => {
      const s = await heldBacklog(maxInFlight);
      await s.rounds(20);
      const before = await s.takes();
      await s.hold();
      await s.rounds(2_000);
      const after = await s.takes();
      expect(after, `${before} buffers before`).toBeLessThanOrEqual(1.25 * before);
      expect(await s.counted()).toEqual([90, 90]);
    },
  );

  it("what looks for expired leases reads at most 500 buffers after 20,000 leases", { timeout: 240_000 }, async () => {
    const s = await heldBacklog(100);
    await s.db.query(DEAD);
    await s.hold();
    await s.db.query(CLOSE);
    const least = async (call: string, params: readonly unknown[]) => {
      const counts: number[] = [];
      for (let n = 0; n < 5; n += 1) counts.push(await buffersOf(s.db, call, params));
      return Math.min(...counts);
    };
    const calls = {
      next_event: () => least("select * from forgeq.next_event($1)", [s.at(1)]),
      recover: () => least("select * from forgeq.recover(1000, $1)", [s.at(1)]),
      open_leases: () => least("select * from forgeq.open_leases()", []),
    };
    // The first one reads all of them, as one does every ten minutes.
    expect(await buffersOf(s.db, "select * from forgeq.next_event($1)", [s.at(1)])).toBeGreaterThan(1_000);
    for (const [name, call] of Object.entries(calls)) expect(await call(), name).toBeLessThanOrEqual(500);
    await s.rounds(500);
    for (const [name, call] of Object.entries(calls)) expect(await call(), name).toBeLessThanOrEqual(500);

    // The mark has left none behind.
    expect(await s.db.query("select from forgeq.open_leases()")).toHaveLength(9);
    const [event] = await s.db.query<{ seconds: number }>(
      "select lease_seconds::float8 as seconds from forgeq.next_event($1)",
      [s.at(2)],
    );
    expect(event!.seconds).toBeCloseTo(58, 0);
    await s.db.query("select forgeq.recover(1000, $1)", [s.at(120)]);
    expect(await s.db.query("select from forgeq.lease")).toEqual([]);
  });
});

it("what looks for expired leases passes few pages, also where a page has one or two leases", async () => {
  const s = await heldBacklog(100);
  const large = (leases: number) =>
    DEAD.replace("array[10])", "array[100])").replace("- 600000", "- 60000").replace("20000", String(leases));
  await s.db.query(DEAD);
  await s.hold();
  await s.db.query(CLOSE);
  const look = () => buffersOf(s.db, "select * from forgeq.recover(1000, $1)", [s.at(1)]);
  for (let n = 0; n < 2; n += 1) await look();
  // As it was before these leases were made.
  await s.db.query("update forgeq.lease_mark set low = low - 100000, passed = 0 where queue = ''");
  await s.db.query(large(400));
  await s.db.query(CLOSE);
  await look();
  expect(await look()).toBeLessThanOrEqual(100);
});

describe("what looks for due jobs beside a held snapshot", () => {
  /** Jobs that have ended, in a queue before and one behind that which has a backlog, and in it. */
  const scene = async () => {
    const s = await heldBacklog(100);
    await s.db.query("insert into forgeq.queue (name, max_in_flight) values ('idle', 100), ('spent', null)");
    // The first call of a connection reads what it keeps from then on.
    await s.db.query("select * from forgeq.next_event()");
    await s.hold();
    await s.db.query(`insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
      select forgeq.uuid_v7(), now() - interval '1 hour' + interval '1 ms' * n, 5, 8, (array['idle', 'plain', 'spent'])[1 + n % 3], 'ended', '{}'
      from generate_series(1, 30000) n`);
    await s.db.query("delete from forgeq.job where type = 'ended'");
    const look = () => buffersOf(s.db, "select * from forgeq.next_event()");
    const seconds = async () =>
      (await s.db.query<{ s: number | null }>("select job_seconds::float8 as s from forgeq.next_event()"))[0]!.s;
    const due = async (queue: string, ago: string) => {
      const [row] = await s.db.query<{ id: string }>(
        `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
         values (forgeq.uuid_v7(), now() - $2::interval, 5, 8, $1, 'plain', '{}') returning id`,
        [queue, ago],
      );
      return row!.id;
    };
    return { ...s, look, seconds, due };
  };

  it(
    "reads at most 500 buffers after 30,000 jobs, and sees each job that falls due",
    { timeout: 120_000 },
    async () => {
      const s = await scene();
      expect(await s.seconds()).toBeNull();
      for (let n = 0; n < 4; n += 1) expect(await s.look()).toBeLessThanOrEqual(500);
      for (const queue of ["idle", "plain", "spent"]) {
        const id = await s.due(queue, "10 seconds");
        expect(await s.seconds()).toBeLessThanOrEqual(-9);
        expect(await s.look()).toBeLessThanOrEqual(500);
        await s.db.query("delete from forgeq.job where id = $1", [id]);
        expect(await s.seconds()).toBeNull();
      }
    },
  );

  it(
    "reads no further than a mark, however many jobs wait in the mark's queue and in those before it",
    { timeout: 120_000 },
    async () => {
      const s = await scene();
      await s.db.query(`insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
        select forgeq.uuid_v7(), now() + interval '1 hour' + interval '1 ms' * n, 5, 8, (array['idle', 'plain', 'spent'])[1 + n % 3], 'plain', '{}'
        from generate_series(1, 150000) n`);
      await s.db.query("vacuum analyze forgeq.job");
      expect(await s.seconds()).toBeGreaterThan(3_000);
      for (let n = 0; n < 3; n += 1) expect(await s.look()).toBeLessThanOrEqual(500);
      const before = await s.look();
      await s.due("plain", "10 seconds");
      expect(await s.look()).toBeLessThanOrEqual(before + 50);
    },
  );

  it("reads at most 500 buffers with the first look, where sweeps have come by", { timeout: 120_000 }, async () => {
    const s = await scene();
    await s.db.query(DEAD);
    await s.db.query(CLOSE);
    for (const queue of ["idle", "plain", "spent"])
      await s.db.query("select from forgeq.claim($1, $2, 10)", [queue, uuidV7()]);
    expect(await s.look()).toBeLessThanOrEqual(500);
    expect(await buffersOf(s.db, "select * from forgeq.recover(1000, $1)", [s.at(1)])).toBeLessThanOrEqual(500);
    const id = await s.due("idle", "10 seconds");
    expect(await s.seconds()).toBeLessThanOrEqual(-9);
    await s.db.query("delete from forgeq.job where id = $1", [id]);
    expect(await s.seconds()).toBeNull();
  });

  it(
    "sees a job that was committed a minute after it fell due within another minute, and reads no more than 500 buffers when it looks for it",
    { timeout: 120_000 },
    async () => {
      const s = await scene();
      expect(await s.seconds()).toBeNull();
      await s.due("spent", "1 minute");
      expect(await s.seconds()).toBeNull();
      await s.db.query("update forgeq.job_mark set far_at = far_at - interval '1 minute'");
      for (let n = 0; n < 3; n += 1) expect(await s.look()).toBeLessThanOrEqual(500);
      expect(await s.seconds()).toBeCloseTo(-60, -1);
    },
  );

  it(
    "sees a job that was committed long after it fell due with the next look without marks",
    { timeout: 120_000 },
    async () => {
      const s = await scene();
      expect(await s.seconds()).toBeNull();
      await s.due("spent", "50 minutes");
      expect(await s.seconds()).toBeNull();
      await s.db.query("update forgeq.job_mark set made_at = made_at - interval '10 minutes'");
      expect(await s.seconds()).toBeCloseTo(-3_000, -2);
    },
  );
});

it("finds a lease below the mark with the next look at the whole table", async () => {
  const s = await heldBacklog(100);
  await s.db.query(DEAD);
  await s.hold();
  await s.db.query(CLOSE);
  await s.db.query("select forgeq.recover(1000, $1)", [s.at(1)]);
  const [late] = await s.db.query<{ id: string }>(
    "update forgeq.lease set id = forgeq.least_id(1), expires_at = $1 where id = $2 returning id",
    [s.at(2), s.heldOpen],
  );
  const recovered = async () => (await s.db.query("select from forgeq.lease where id = $1", [late!.id])).length === 0;
  await s.db.query("select forgeq.recover(1000, $1)", [s.at(3)]);
  expect(await recovered()).toBe(false);
  await s.db.query("update forgeq.lease_mark set whole_at = whole_at - interval '10 minutes' where queue = ''");
  await s.db.query("select forgeq.recover(1000, $1)", [s.at(3)]);
  expect(await recovered()).toBe(true);
});

// Each round claims ten jobs, one of them from behind, and completes them.
const ROUNDS_OF_TEN = `create procedure rounds_of_ten(times int, start timestamptz, inout marks text[]) language plpgsql as $$
declare
  at timestamptz := start;
  claimed record;
  lease uuid;
  me uuid := gen_random_uuid();
begin
  for i in 1 .. times loop
    select c.leases, c.continued_watermarks into claimed from forgeq.claim('plain', gen_random_uuid(), 10, marks, '{}', 90, at) c;
    marks := claimed.continued_watermarks;
    lease := claimed.leases -> 0 ->> 'id';
    perform forgeq.begin(lease, me, 60, null, at);
    perform forgeq.settle(lease, me, '"completed"', at);
    commit;
  end loop;
end
$$`;

it(
  "passes no job that it took from behind before, however many, in a queue with two priorities",
  { timeout: 120_000 },
  async () => {
    const s = await heldBacklog(null);
    await s.hold();
    await s.db.query(
      `insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
       select forgeq.uuid_v7(), $1::timestamptz - interval '1 hour' + interval '50 ms' * n, case when n % 2 = 0 then 1 else 6 end, 8, 'plain', 'plain', '{}'
       from generate_series(1, 40000) n`,
      [s.at(0)],
    );
    await s.db.query(ROUNDS_OF_TEN);
    let marks: string[] | null = null;
    const rounds = async (times: number): Promise<number> => {
      const [row] = await s.db.query<{ marks: string[] }>("call rounds_of_ten($1, $2, $3::text[])", [
        times,
        s.at(1),
        marks,
      ]);
      marks = row!.marks;
      const claim = "select * from forgeq.claim('plain', gen_random_uuid(), 10, $1::text[], '{}', 90, $2)";
      return buffersOf(s.db, claim, [marks, s.at(1)]);
    };
    await rounds(20);
    const before = await rounds(20);
    expect(await rounds(1_500)).toBeLessThanOrEqual(1.25 * before + 20);
  },
);
