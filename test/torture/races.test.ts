import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { cancel, revive } from "../../lib/db/reads/jobs.ts";
import { extendLease, recover, releaseUnbegun } from "../../lib/db/protocol/leases.ts";
import { type Ended, settle } from "../../lib/db/protocol/settle.ts";
import { enqueueJobs } from "../../lib/queue/enqueue/enqueue-jobs.ts";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { violations } from "../support/database/invariants.ts";
import { type Held, setup } from "../support/queue.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ max: 24 });
});
afterAll(() => database.drop());

const parallel = <Result>(count: number, work: (n: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => work(n)));

/** Numbers in [0, 1) that a seed repeats. https://en.wikipedia.org/wiki/Linear_congruential_generator */
const random = (seed: number) => {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
};

describe("parallel callers", () => {
  it.each([[null], [40]])("of claim: each job goes to exactly one, and none is left (limit %s)", async (limit) => {
    const s = await setup({ database });
    await s.db.query("update forgeq.queue set max_in_flight = $1", [limit]);
    const ids = await s.queue.enqueue(300);
    const taken: string[] = [];
    for (let round = 0; taken.length < ids.length && round < 50; round += 1) {
      await parallel(12, () => s.queue.claim(7));
      expect(await violations(s.db)).toEqual([]);
      const leases = await s.db.query<{ id: string; job_ids: string[] }>("select id, job_ids from forgeq.lease");
      taken.push(...leases.flatMap((lease) => lease.job_ids));
      for (const lease of leases) await s.queue.settle((await s.queue.begin(lease.id)) as Held, "completed");
    }
    expect(taken.toSorted()).toEqual(ids.toSorted());
  });

  it("of begin: one begins", async () => {
    const s = await setup({ database });
    await s.queue.enqueue(3);
    const leaseId = (await s.queue.claim()).leases[0]!.id;
    const answers = await parallel(20, () => s.queue.begin(leaseId));
    expect(answers.filter((answer) => answer !== "lease_lost")).toHaveLength(1);
  });

  it("of settle, partial, overlapping and repeated: the first outcome of each job stands, and all are told it", async () => {
    const s = await setup({ database });
    const ids = await s.queue.enqueue(6);
    const held = await s.queue.lease();
    const outcomes = ["completed", "dead", "snoozed"] as const;
    const answers = await parallel(24, (n) => {
      const some = ids.filter((_, index) => (index + n) % 2 === 0 || n % 5 === 0);
      const ended: Ended[] = some.map((id) => ({ id, outcome: outcomes[n % 3]!, delaySeconds: 60 }));
      return settle(s.db, held, ended, s.at(0));
    });
    for (const id of ids) {
      const told = new Set(answers.map((answer) => answer.jobs[id]).filter((state) => state !== undefined));
      expect([...told]).toEqual([await s.queue.state(id)]);
    }
    expect(await violations(s.db)).toEqual([]);
  });

  it("of retry by hand: one next life", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(1, { uniqueKey: "k" });
    await cancel(s.db, id!, s.at(0));
    const answers = await parallel(20, () => revive(s.db, id!, 1, s.at(1)));
    expect(new Set(answers.map((answer) => answer.outcome))).toEqual(new Set(["retried"]));
    expect(await s.db.query("select life from forgeq.job")).toEqual([{ life: 2 }]);
    expect(await violations(s.db)).toEqual([]);
  });

  it("of retry and enqueue with one key: one holds it", async () => {
    const s = await setup({ database });
    const [id] = await s.queue.enqueue(1, { uniqueKey: "k" });
    await cancel(s.db, id!, s.at(0));
    await parallel<unknown>(20, (n) =>
      n % 2 === 0
        ? revive(s.db, id!, 1, s.at(1))
        : enqueueJobs(s.deps, [{ type: "plain", payload: { n: 0 }, uniqueKey: "k" }]),
    );
    expect(await s.db.query("select from forgeq.job")).toHaveLength(1);
    expect(await violations(s.db)).toEqual([]);
  });

  it("of enqueue with one unique_key: a hundred make one job, all name it, and the key is free when it ends", async () => {
    const s = await setup({ database });
    const post = () => enqueueJobs(s.deps, [{ type: "plain", payload: { n: 1 }, uniqueKey: "only" }]);
    const answers = (await parallel(100, post)).flat();
    expect(answers.filter((answer) => answer.created)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.job.id)).size).toBe(1);
    await s.queue.settle(await s.queue.lease(), "completed");
    expect((await post())[0]!.created).toBe(true);
    expect(await violations(s.db)).toEqual([]);
  });
});

describe("a storm of every call concurrently", () => {
  const SEED = Number(process.env["FORGEQ_TEST_SEED"] ?? 20_261_124);

  it.each([SEED, SEED + 1])(
    "leaves every job in one place, and brings each to its end (seed %s)",
    { timeout: 120_000 },
    async (seed) => {
      const s = await setup({ database });
      await s.db.query("update forgeq.queue set max_in_flight = 30");
      const ids: string[] = [];
      const leases: string[] = [];
      const held: Held[] = [];
      let seconds = 0;
      await parallel(16, async (worker) => {
        const next = random(seed * 100 + worker);
        const any = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(next() * items.length)];
        const OUTCOMES = ["completed", "retry", "dead", "released", "snoozed", "timed_out"] as const;
        const calls: (() => Promise<unknown>)[] = [
          async () => ids.push(...(await s.queue.enqueue(1 + Math.floor(next() * 8), { runAt: s.at(seconds - 1) }))),
          async () => {
            const key = `k${Math.floor(next() * 5)}`;
            const [made] = await enqueueJobs(s.deps, [{ type: "plain", payload: { n: 0 }, uniqueKey: key }]);
            if (made?.created === true) ids.push(made.job.id);
          },
          async () =>
            leases.push(...(await s.queue.claim(1 + Math.floor(next() * 20))).leases.map((lease) => lease.id)),
          async () => {
            const taken = await s.queue.begin(any(leases) ?? uuidV7(), 20);
            if (taken !== "lease_lost" && taken.jobIds.length > 0) held.push(taken);
          },
          async () => {
            const lease = any(held);
            if (lease === undefined) return;
            const some = lease.jobIds.filter(() => next() < 0.6);
            await settle(s.db, lease, some.map((id) => ({ id, outcome: any(OUTCOMES)!, delaySeconds: next() * 20 })), s.at(seconds)); // prettier-ignore
          },
          async () => {
            const lease = any(held);
            if (lease !== undefined)
            await extendLease(s.db, { ...lease, leaseSeconds: 20, progress: { [lease.jobIds[0]!]: { fraction: next(), note: null } }, at: s.at(seconds) }); // prettier-ignore
          },
          () => recover(s.db, 5, s.at(seconds)),
          () => cancel(s.db, any(ids) ?? uuidV7(), s.at(seconds)),
          async () => {
            const id = any(ids);
            if (id !== undefined) await revive(s.db, id, 1 + Math.floor(next() * 2), s.at(seconds));
          },
          () => releaseUnbegun(s.db, { leaseId: any(leases) ?? uuidV7(), reason: next() < 0.5 ? "throttled" : "undispatched", error: { name: "E", message: "" }, at: s.at(seconds) }), // prettier-ignore
        ];
        for (let step = 0; step < 60; step += 1) {
          await any(calls)!();
          if (next() < 0.2) s.moveTo((seconds += next() * 5));
        }
      });
      expect(await violations(s.db)).toEqual([]);

      for (let rounds = 0; rounds < 100; rounds += 1) {
        s.moveTo((seconds += 200));
        await recover(s.db, 1_000, s.at(seconds));
        s.moveTo((seconds += 60));
        for (const lease of (await s.queue.claim(100)).leases)
          await s.queue.settle((await s.queue.begin(lease.id)) as Held, "completed");
        if ((await s.db.query("select from forgeq.job")).length === 0) break;
      }
      expect(await violations(s.db)).toEqual([]);
      const finished = await s.db.query<{ id: string }>("select distinct id from forgeq.job_history");
      expect(finished.map((row) => row.id).toSorted()).toEqual(ids.toSorted());
    },
  );
});
