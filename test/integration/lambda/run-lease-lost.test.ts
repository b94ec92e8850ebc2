import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { cancel } from "../../../lib/db/reads/jobs.ts";
import { recover } from "../../../lib/db/protocol/leases.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { type Setup, setup, strays } from "../../support/queue.ts";
import { abortOf, run } from "../../support/lambda/run.ts";

/** Heartbeats come every 50 ms. */
const quick = { leaseSeconds: 0.15 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const expiry = async (s: Setup): Promise<number> => {
  const [row] = await s.db.query<{ expires_at: Date }>("select expires_at from forgeq.lease");
  return ((row?.expires_at.getTime() ?? NaN) - s.at(0).getTime()) / 1000;
};

/** Asks again until it holds, each time after an answer of the database. */
const until = async (holds: () => Promise<boolean>): Promise<void> => {
  while (!(await holds()));
};

/** What the database answers to heartbeats. */
const hearingExtends = (s: Setup) => {
  const answers: string[] = [];
  const db: Db = {
    ...s.db,
    query: async <Row>(text: string, params?: readonly unknown[]) => {
      const rows = await s.db.query<Row>(text, params);
      if (text.startsWith("/* forgeq:extend */")) answers.push((rows[0] as { outcome: string }).outcome);
      return rows;
    },
  };
  return { deps: { ...s.deps, db }, answers };
};

describe("heartbeats", () => {
  it("extend the lease every third of its time, and carry progress", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();

    await run(
      s,
      async (_, job) => {
        expect(await expiry(s)).toBeCloseTo(0.15);
        job.progress(0.4, "almost half");
        s.moveTo(0.1);
        await until(async () => (await expiry(s)) > 0.2);
        expect(await s.queue.get(id!)).toMatchObject({ progress: { fraction: 0.4, note: "almost half" } });
        s.moveTo(0.2);
        await until(async () => (await expiry(s)) > 0.3);
      },
      { definition: quick },
    );
    expect(await s.queue.state(id!)).toBe("completed");
  });

  it("tell the signal of a cancel, and the job ends cancelled", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(2);

    await run(
      s,
      async (_, job) => {
        if (job.id === ids[1]) return "not cancelled";
        expect(await cancel(s.db, job.id, s.at(0))).toMatchObject({ outcome: "requested" });
        throw new Error(await abortOf(job.signal));
      },
      { definition: quick },
    );

    expect(await s.queue.get(ids[0]!)).toMatchObject({ state: "cancelled", attempts: [{ outcome: "cancelled" }] });
    expect(await s.queue.state(ids[1]!)).toBe("completed");
  });

  it("let a completion stand that came after the request", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(
      s,
      async (_, job) => {
        await cancel(s.db, job.id, s.at(0));
        await abortOf(job.signal);
        return "done all the same";
      },
      { definition: quick },
    );
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", result: "done all the same" });
  });

  it("go on while the handler's transaction holds the lease's row, and wait for nothing", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    const { deps, answers } = hearingExtends(s);

    await run(
      { ...s, deps },
      async (_, job) => {
        await s.db.transaction(async (tx) => {
          await job.complete(tx, { in: "tx" });
          await until(async () => (await s.db.query("select"), answers.includes("busy")));
        });
        expect(job.signal.aborted).toBe(false);
      },
      { definition: quick },
    );

    expect(answers).not.toContain("lease_lost");
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", result: { in: "tx" } });
  });
});

describe("a lost lease", () => {
  it("aborts the signal, and its result is refused: the outcome is the other attempt's", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();

    const report = await run(
      s,
      async (_, job) => {
        s.moveTo(70);
        await recover(s.db, 10, s.at(70));
        expect(await abortOf(job.signal)).toBe("lease_lost");
        s.moveTo(170);
        await run(s, () => Promise.resolve("the other's"));
        return "the zombie's";
      },
      { definition: quick },
    );

    expect(report).toEqual({ outcome: "ran", jobs: 1, settled: { lease_lost: 1 } });
    expect(await s.queue.get(id!)).toMatchObject({
      state: "completed",
      attempt: 2,
      result: "the other's",
      attempts: [{ number: 1, outcome: "lease_expired" }, { number: 2, outcome: "completed" }],
    }); // prettier-ignore
  });

  it("refuses complete(tx), so that the zombie's transaction rolls back", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await s.db.query("create table if not exists effect (job uuid)");

    await run(s, async (_, job) => {
      s.moveTo(70);
      await recover(s.db, 10, s.at(70));
      await expect(
        s.db.transaction(async (tx) => {
          await tx.query("insert into effect values ($1)", [job.id]);
          await job.complete(tx);
        }),
      ).rejects.toMatchObject({ code: "lease_lost" });
    });

    expect(await s.db.query("select from effect")).toHaveLength(0);
    expect(await s.queue.get(id!)).toMatchObject({ state: "scheduled", attempt: 1 });
    expect(await strays(s.db)).toBe(0);
  });

  it("takes the result of work that outlived its lease when nobody has taken it over", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(
      s,
      async (_, job) => {
        s.moveTo(70);
        expect(await abortOf(job.signal)).toBe("lease_lost");
        return "late, and kept";
      },
      { definition: quick },
    );
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", attempt: 1, result: "late, and kept" });
  });

  it("is no loss when the job itself completed in a transaction and goes on", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(2);
    await s.db.query("update forgeq.queue set max_in_flight = 1");
    let lost = false;
    const { deps, answers } = hearingExtends(s);

    const report = await run(
      { ...s, deps },
      async (_, job) => {
        await s.db.transaction((tx) => job.complete(tx, 1));
        await s.queue.claim();
        // A heartbeat has found the lease closed, and has been told so.
        await until(async () => (await s.db.query("select"), answers.includes("lease_lost")));
        await new Promise((resolve) => setImmediate(resolve));
        lost = job.signal.aborted;
      },
      { definition: quick },
    );

    expect(lost).toBe(false);
    expect(report.settled).toEqual({ completed: 1 });
    expect(await s.queue.state(id!)).toBe("completed");
  });

  it("begins once, however often its event comes", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    const leaseId = (await s.queue.claim()).leases[0]!.id;
    let ran = 0;

    const reports = await Promise.all(
      Array.from({ length: 10 }, () => run(s, () => Promise.resolve((ran += 1)), { leaseId })),
    );

    expect(ran).toBe(1);
    expect(reports.filter((report) => report.outcome === "lease_lost")).toHaveLength(9);
    expect(await run(s, () => Promise.resolve((ran += 1)), { leaseId })).toMatchObject({ outcome: "lease_lost" });
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", attempt: 1 });
  });
});

describe("complete(tx)", () => {
  it("commits together with the handler's writes, and rolls back together with them", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(2);
    await s.db.query("create table if not exists effect (job uuid)");
    await s.db.query("truncate effect");

    await run(s, async (_, job) => {
      await s.db.transaction(async (tx) => {
        await tx.query("insert into effect values ($1)", [job.id]);
        await job.complete(tx, { wrote: true });
        if (job.id === ids[1]) throw new Error("after the completion");
      });
    });

    expect(await s.db.query("select job from effect")).toEqual([{ job: ids[0] }]);
    expect(await s.queue.get(ids[0]!)).toMatchObject({ state: "completed", result: { wrote: true } });
    expect(await s.queue.get(ids[1]!)).toMatchObject({
      state: "scheduled",
      attempt: 1,
      error: { message: "after the completion" },
    });
  });

  it("retries a job whose handler rolled back and said nothing", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(s, async (_, job) => {
      await s.db
        .transaction(async (tx) => {
          await job.complete(tx);
          throw new Error("rolled back");
        })
        .catch(() => undefined);
    });
    expect(await s.queue.get(id!)).toMatchObject({ state: "scheduled", attempt: 1, error: { name: "RolledBack" } });
  });

  it("keeps the completion when the handler throws after its commit", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(s, async (_, job) => {
      await s.db.transaction((tx) => job.complete(tx, 1));
      throw new Error("too late");
    });
    expect(await s.queue.get(id!)).toMatchObject({ state: "completed", result: 1 });
  });

  it("wakes for the slot it freed after the commit", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(2);
    await s.db.query("update forgeq.queue set max_in_flight = 1");
    const leaseId = (await s.queue.claim()).leases[0]!.id;
    await run(s, (_, job) => s.db.transaction((tx) => job.complete(tx)), { leaseId });
    expect(s.invocations).toEqual([{ functionName: "forgeq-test-dispatcher", event: { queue: "plain" } }]);
  });

  it("refuses a transaction that is not read committed", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue();
    await run(s, async (_, job) => {
      await s.db.transaction(async (tx) => {
        await tx.query("set transaction isolation level repeatable read");
        await job.complete(tx);
      });
    });
    expect(await s.queue.get(id!)).toMatchObject({ state: "scheduled", error: { name: "ForgeqError" } });
  });
});
