/** A database that has run out of something, and reads that take all connections that they may. */
import { expect, it, onTestFinished, vi } from "vitest";
import { createHandler as createApi } from "../../../functions/api.ts";
import { createHandler as createEnqueue } from "../../../functions/enqueue.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { shareOf } from "../../../lib/db/drivers/share.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const JOB = { path: "/jobs", body: { type: "plain", payload: {} } };

it.each(["53000", "53100", "53200", "58030"])("is answered with 503 and Retry-After: %s", async (state) => {
  const s = await setup();
  await s.db.query(`create function public.fill_up() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file "base/1/2": No space left on device' using errcode = '${state}'; end $$`);
  await s.db.query("create trigger fill_up before insert on forgeq.job execute function public.fill_up()");
  const answer = await send(createEnqueue(s.deps, ALL_SCOPES, [plain]), JOB);
  expect(answer).toMatchObject({
    status: 503,
    body: { code: "database_unavailable" },
    headers: { "retry-after": "30" },
  });
  expect(JSON.stringify(answer.body)).not.toContain("base/1/2");
});

it("stores jobs while as many reads as may run all wait", async () => {
  const s = await setup({ realClock: true });
  const db = await connectDb({ url: s.url, max: 3 });
  onTestFinished(() => db.close());
  const reads = createApi({ ...s.deps, db: shareOf(db, 1) }, ALL_SCOPES);
  const enqueue = createEnqueue({ ...s.deps, db }, ALL_SCOPES, [plain]);
  const waiting = async () =>
    (
      await s.db.query<{ n: number }>(
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
    )[0]?.n;
  const locked = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const holding = s.db.transaction(async (tx) => {
    await tx.query("lock table forgeq.job_history in access exclusive mode");
    locked.resolve();
    await done.promise;
  });
  await locked.promise;
  const asked = Array.from({ length: 20 }, () => send(reads, { path: "/jobs", query: "state=completed" }));
  await expect.poll(waiting, { timeout: 10_000 }).toBe(1);
  for (let n = 0; n < 10; n += 1) expect(await send(enqueue, JOB)).toMatchObject({ status: 201 });
  expect(await waiting()).toBe(1);
  done.resolve();
  await holding;
  expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]));
});

it("gives up what has waited for its turn too long, and goes on with the next", async () => {
  const s = await setup();
  const share = shareOf(s.db, 1, 50);
  const done = Promise.withResolvers<void>();
  const holding = share.transaction(() => done.promise);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const refused = expect(share.query("select 1")).rejects.toThrow("all connections that reads may use");
  vi.advanceTimersByTime(50);
  await refused;
  const next = share.query<{ n: number }>("select 1 as n");
  done.resolve();
  await holding;
  expect(await next).toEqual([{ n: 1 }]);
  const together = await Promise.all(
    Array.from({ length: 10 }, (_, n) => share.query<{ n: number }>("select $1::int as n", [n])),
  );
  expect(together.map(([row]) => row?.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
