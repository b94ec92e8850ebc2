import { expect, it } from "vitest";
import { cancel, enqueueMany, get, retry } from "../../../lib/index.ts";
import { plain, setup } from "../../support/queue.ts";

class RolledBack extends Error {}

/** Runs something in a transaction that is rolled back, then in one that commits. */
const twice = async <Result>(
  db: Awaited<ReturnType<typeof setup>>["db"],
  work: (tx: Parameters<Parameters<typeof db.transaction>[0]>[0]) => Promise<Result>,
  between: () => Promise<void>,
): Promise<Result> => {
  await db
    .transaction(async (tx) => {
      await work(tx);
      throw new RolledBack();
    })
    .catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
  await between();
  return db.transaction(work);
};

it("enqueues many typed jobs in a few statements, which exist if and when the transaction commits", async () => {
  const { db } = await setup({ realClock: true });
  const payloads = Array.from({ length: 2_500 }, (_, n) => ({ n }));
  let statements = 0;
  const { jobs } = await twice(
    db,
    (tx) => {
      statements = 0;
      const counted = {
        query: (text: string, params: unknown[]) => {
          statements += 1;
          return tx.query(text, params);
        },
      };
      return enqueueMany(counted as never, plain, payloads, ({ n }) => ({ priority: (n ?? 0) % 10 }));
    },
    async () => expect(await db.query("select from forgeq.job")).toEqual([]),
  );
  expect(statements).toBe(3);
  expect(new Set(jobs.map(({ id }) => id)).size).toBe(2_500);
  expect(jobs.every(({ created }) => created)).toBe(true);
  const [row] = await db.query("select payload ->> 'n' as n, priority from forgeq.job where id = $1", [
    jobs[1_234]?.id,
  ]);
  expect(row).toEqual({ n: "1234", priority: 4 });
});

it("names the payload that is refused, and the transaction goes on", async () => {
  const { db } = await setup({ realClock: true });
  const payloads = Array.from({ length: 1_200 }, (_, n) => ({ n }));
  await db.transaction(async (tx) => {
    const options = (_: unknown, n: number) => (n === 1_100 ? { queue: "nowhere" } : {});
    await expect(enqueueMany(tx as never, plain, payloads, options)).rejects.toMatchObject({
      code: "unknown_queue",
      details: { index: 1_100 },
    });
    expect(await tx.query("select 1 as one")).toEqual([{ one: 1 }]);
  });
});

it("cancels, retries and reads jobs, rolled back as if nothing had happened", async () => {
  const { db, queue } = await setup({ realClock: true });
  const [id = ""] = await queue.enqueue(1);
  const cancelled = await twice(
    db,
    async (tx) => [await cancel(tx as never, id), (await get(tx as never, id))?.state],
    async () => expect(await queue.state(id)).toBe("pending"),
  );
  expect(cancelled).toEqual(["cancelled", "cancelled"]);
  const { job } = await twice(
    db,
    (tx) => retry(tx as never, id, { life: 1 }),
    async () => expect(await queue.state(id)).toBe("cancelled"),
  );
  expect(job).toMatchObject({ id, state: "pending", life: 2 });
  await db.transaction(async (tx) => {
    expect((await retry(tx as never, id, { life: 1 })).job).toMatchObject({ life: 2 });
    await expect(retry(tx as never, id)).rejects.toMatchObject({
      code: "illegal_state",
      details: { state: "pending" },
    });
    const { createdAt } = await queue.get(id);
    expect(await get(tx as never, id)).toMatchObject({
      createdAt,
      runAt: expect.any(Date) as Date,
      finishedAt: null,
    });
    const nobody = "01900000-0000-7000-8000-000000000000";
    await expect(cancel(tx as never, nobody)).rejects.toMatchObject({ code: "not_found" });
    expect(await get(tx as never, nobody)).toBeNull();
  });
});
