import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { violations } from "../../support/database/invariants.ts";
import { setup } from "../../support/queue.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const long = () => 60_000;

describe("a tick", () => {
  it("recovers expired leases, repairs strays, purges what is past its retention, and says that nothing is left", async () => {
    const s = await setup({ database, queues: [defineQueue({ name: "plain", retentionDays: 1 })] });
    await s.queue.enqueue(1);
    await s.queue.settle(await s.queue.lease(), "completed");
    const ids = await s.queue.enqueue(3);
    await s.queue.claim(2);
    await s.db.query("update forgeq.job set claim_id = gen_random_uuid(), attempt = 1 where claim_id is null");
    await s.db.query("update forgeq.job_history set finished_at = finished_at - interval '2 days'");
    // Longer than any: its partitions stay, so the row goes by itself.
    await s.db.query("insert into forgeq.queue (name, retention_days) values ('longest', 30)");
    s.moveTo(700);

    expect(await tick(s.deps, long)).toMatchObject({
      leasesRecovered: 1, jobsRecovered: 2, jobsRepaired: 1, jobsPurged: 1, partsFailed: [], workLeft: false,
    }); // prettier-ignore

    for (const id of ids) expect(await s.queue.state(id)).toMatch(/scheduled|pending/);
    // They go once no transaction of the whole server is older, and other tests have theirs.
    await vi.waitFor(async () => {
      await tick(s.deps, long);
      expect(await s.db.query("select from forgeq.lease_closed where closed_at < $1", [s.at(90)])).toHaveLength(0);
    }, 20_000);
    expect(await violations(s.db)).toEqual([]);
  });

  it("stops before its time is up and says that work is left", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(1);
    await s.queue.claim();
    s.moveTo(100);
    expect(await tick(s.deps, () => 9_000)).toMatchObject({ leasesRecovered: 0, workLeft: true });
    expect(await tick(s.deps, long)).toMatchObject({ leasesRecovered: 1, workLeft: false });
  });

  it("does each thing once, however many run concurrently", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(40);
    for (let n = 0; n < 10; n += 1) await s.queue.claim(4);
    s.moveTo(100);

    const reports = await Promise.all(Array.from({ length: 6 }, () => tick(s.deps, long)));

    expect(reports.reduce((sum, report) => sum + report.jobsRecovered, 0)).toBe(40);
    expect(await s.db.query("select from forgeq.job_attempt")).toHaveLength(40);
    expect(await violations(s.db)).toEqual([]);
  });

  it("wakes a dispatcher when something is due within two minutes", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(1, { runAt: s.at(150) });
    await tick(s.deps, long);
    expect(s.invocations).toHaveLength(0);
    s.moveTo(60);
    await tick(s.deps, long);
    expect(s.invocations).toEqual([{ functionName: "forgeq-test-dispatcher", event: {} }]);
  });
});
