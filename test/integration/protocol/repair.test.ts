import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { recover, releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { repair } from "../../../lib/db/protocol/maintenance.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { miscounted, setup, strays } from "../../support/queue.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const count = async (table: string): Promise<number> => (await database.db.query(`select from forgeq.${table}`)).length;

describe("rows that somebody touched by hand", () => {
  it("holds no place of a queue for a lease whose jobs were deleted", async () => {
    const s = await setup({ database, queues: [defineQueue({ name: "plain", maxInFlight: 2 })] });
    const [gone, kept] = await s.queue.enqueue(2);
    await s.queue.lease();
    await s.db.query("delete from forgeq.job where id = $1", [gone]);

    expect(await recover(s.db, 10, s.at(100))).toMatchObject({ leases: 1, jobs: 1 });

    expect(await count("lease")).toBe(0);
    expect(await s.queue.state(kept!)).toBe("scheduled");
    expect(await recover(s.db, 10, s.at(200))).toMatchObject({ leases: 0 });
  });

  it("gives a lease back whose jobs were all deleted", async () => {
    const s = await setup({ database });
    await s.queue.enqueue();
    const leaseId = (await s.queue.claim()).leases[0]!.id;
    await s.db.query("delete from forgeq.job");
    const release = () =>
      releaseUnbegun(s.db, { leaseId, reason: "throttled", error: { name: "E", message: "" }, at: s.at(1) }); // prettier-ignore
    expect(await release()).toMatchObject({ outcome: "released" });
    expect(await release()).toMatchObject({ outcome: "released" });
    expect(await count("lease")).toBe(0);
  });

  it("recovers a job whose type was deleted", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await s.queue.lease();
    await s.db.query("delete from forgeq.job_type");
    await recover(s.db, 10, s.at(100));
    expect(await s.queue.get(id!)).toMatchObject({ state: "scheduled", runAt: s.at(160) });
  });

  it("repairs a job with a claim that no lease lists, also at its last possible attempt", async () => {
    const s = await setup({ database });
    const [id, other] = await s.queue.enqueue(2, { maxAttempts: 1000 });
    await s.queue.claim();
    await s.db.query("update forgeq.job set attempt = 1000 where id = $1", [id]);
    await s.db.query("delete from forgeq.lease");
    expect(await strays(s.db)).toBe(2);

    expect(await repair(s.db, null, 1, s.at(1))).toMatchObject({ repaired: 1 });
    expect(await repair(s.db, null, 1000, s.at(1))).toEqual({ repaired: 1, redated: 0, lastId: null });

    expect(await strays(s.db)).toBe(0);
    expect(await s.queue.get(id!)).toMatchObject({ attempt: 1000, attempts: [{ error: { name: "Repaired" } }] });
    expect(await s.queue.get(other!)).toMatchObject({ attempt: 1 });
    // It runs once more, and ends like any other.
    s.moveTo(1);
    await s.queue.settle(await s.queue.lease(), "retry");
    expect(await s.queue.state(id!)).toBe("dead");
  });

  it("leaves jobs alone whose lease is open", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(3);
    await s.queue.claim(2);
    expect(await repair(s.db, null, 1000, s.at(1))).toEqual({ repaired: 0, redated: 0, lastId: null });
    expect(await miscounted(s.db)).toBe(0);
  });
});
