import { expect, it } from "vitest";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { setup } from "../../support/queue.ts";

it("takes back at most so many jobs in a call, and the rest of a lease, however many jobs the leases have", async () => {
  const s = await setup();
  await s.db.query("update forgeq.job_type set batch_size = 100");
  for (let n = 0; n < 4; n += 1) {
    await s.queue.enqueue(60);
    await s.queue.lease(60);
  }
  expect(await recover(s.db, 100, s.at(100))).toMatchObject({ leases: 2, jobs: 120, more: true });
  expect(await recover(s.db, 120, s.at(100))).toMatchObject({ leases: 2, jobs: 120, more: false });
});

it("gives each expired lease to one of several callers, and leaves none", async () => {
  const s = await setup();
  await s.queue.enqueue(100);
  await s.queue.claim(100);
  const calls = await Promise.all([1, 2, 3, 4].map(() => recover(s.db, 1_000, s.at(100))));
  expect(calls.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(100);
  expect(await s.db.query("select from forgeq.lease")).toEqual([]);
});
