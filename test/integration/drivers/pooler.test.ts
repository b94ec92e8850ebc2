import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { call } from "../../../lib/db/drivers/call.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { connectTo, hasPooler, startPooler } from "../../support/database/pooler.ts";
import { openWith } from "../../support/database/drivers.ts";
import { setup } from "../../support/queue.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

const ENQUEUE = { name: "fq_enqueue", text: "/* forgeq:enqueue */ select 1 as one" };

const item = () => ({ id: uuidV7(), type: "plain", payload: {} });

describe.runIf(hasPooler)("a transaction pooler that knows no prepared statements", () => {
  it("refuses names, as these tests suppose", async () => {
    const { url } = await setup();
    const pooled = await startPooler(url, 1);
    const [first, second] = [await connectTo(pooled), await connectTo(pooled)];
    await first.query(ENQUEUE);
    await expect(second.query(ENQUEUE)).rejects.toMatchObject({ code: "42P05" });
  });

  it("passes a cancel request on, so that a statement past its deadline is ended in the server", async () => {
    const { url, db } = await setup();
    const pooled = await openWith("pg", await startPooler(url, 1), { statementSeconds: 0.3, max: 1 });
    await expect(call(pooled, "select pg_sleep(60)", [])).rejects.toMatchObject({ code: "too_slow" });
    const running =
      "select from pg_stat_activity where datname = current_database() and state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()"; // prettier-ignore
    expect(await db.query(running)).toEqual([]);
    expect(await pooled.query("select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("stores jobs of two processes whose sessions share a connection", async () => {
    const { url, db, queue } = await setup({ realClock: true });
    const pooled = await startPooler(url, 1);
    const pools = [await openWith("pg", pooled), await openWith("pg", pooled)];
    for (const pool of pools) for (let n = 0; n < 3; n += 1) await enqueueMany(pool, [item()], true, null);
    expect(await db.query("select count(*)::int as jobs from forgeq.job")).toEqual([{ jobs: 6 }]);
    expect((await queue.claim()).leases).toMatchObject([{ jobs: 6 }]);
  });

  it("stores a job once when its session gets another connection", async () => {
    const { url, db } = await setup({ realClock: true });
    const pooled = await startPooler(url, 2);
    const [pool, other] = [await openWith("pg", pooled, { max: 1 }), await openWith("pg", pooled)];
    await enqueueMany(pool, [item()], true, null);
    await other.transaction(async (tx) => {
      // It holds the connection that knows the name.
      expect(await tx.query("select from pg_prepared_statements where name like 'fq~_%' escape '~'")).toHaveLength(1);
      await enqueueMany(pool, [item()], true, null);
    });
    expect(await db.query("select count(*)::int as jobs from forgeq.job")).toEqual([{ jobs: 2 }]);
  });

  it("carries workers, enqueues and chores of several processes to the end", async () => {
    const s = await setupWorkers();
    const pooled = await startPooler(s.url, 2);
    const open = () => openWith("pg", pooled, { max: 4 });
    const ran: string[] = [];
    const workers = [await open(), await open()].map((db) =>
      s.start(
        (_, job) => {
          ran.push(job.id);
          return Promise.resolve();
        },
        {},
        { db },
      ),
    );
    const [producer, chores] = [await open(), await open()];
    const items = Array.from({ length: 60 }, item);
    const stored = items.map((one) => enqueueMany(producer, [one], true, null));
    await Promise.all([...stored, recover(chores, 10, null), recover(chores, 10, null)]);
    const completed = () => workers.reduce((sum, { settled }) => sum + (settled.get("completed") ?? 0), 0);
    await until(() => completed() === items.length);
    expect(ran.toSorted()).toEqual(items.map(({ id }) => id).toSorted());
  });
});
