import { expect, it } from "vitest";
import { ForgeqError } from "../../../lib/core/errors.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { miscounted, strays } from "../../support/queue.ts";
import { histories, setupWorkers, until } from "../../support/worker/worker.ts";

it("stops gracefully: what runs ends, what waits is released uncounted, and nothing is taken any more", async () => {
  const { queue, start, db } = await setupWorkers();
  const ids = await queue.enqueue(3, { type: "narrow" });
  const finish = Promise.withResolvers<void>();
  let begun = 0;
  const worker = start(async () => {
    begun += 1;
    await finish.promise;
  });
  await until(() => begun === 1 && worker.busy() >= 1);
  const stopped = worker.stop(60_000);
  const [later] = await queue.enqueue(1);
  worker.hint(0);
  finish.resolve();
  expect(await stopped).toBe(true);
  expect(await histories(db)).toEqual({ completed: 1 });
  const rest = await Promise.all(ids.slice(0, 3).map((id) => queue.get(id)));
  expect(rest.filter(({ state }) => state === "pending").map(({ attempt }) => attempt)).toEqual([0, 0]);
  expect(await queue.state(later!)).toBe("pending");
  expect([await strays(db), await miscounted(db)]).toEqual([0, 0]);
});

it("aborts the signals when the grace ends, and releases uncounted what was interrupted", async () => {
  const { queue, start } = await setupWorkers();
  const [id] = await queue.enqueue(1);
  let reason: unknown;
  let begun = false;
  const worker = start(
    (_, job) =>
      new Promise((_resolve, reject) => {
        begun = true;
        job.signal.addEventListener("abort", () => {
          reason = job.signal.reason;
          reject(job.signal.reason as Error);
        });
      }),
  );
  await until(() => begun);
  expect(await worker.stop(1)).toBe(true);
  expect(reason).toMatchObject({ abortCause: "shutdown" });
  expect(await queue.get(id!)).toMatchObject({ state: "pending", attempt: 0, attempts: [{ outcome: "released" }] });
});

it("pauses while the database is away, sends the same call again, and goes on", async () => {
  const logger = recordingLogger();
  const { queue, start, deps, db } = await setupWorkers({ logger });
  const ids = await queue.enqueue(20);
  let failures = 0;
  const away: Db = {
    ...deps.db,
    query: async (text, params) => {
      if (!text.includes("settle_and_take")) return deps.db.query(text, params);
      // The first answers get lost, after the statement took effect.
      const answer = await deps.db.query(text, params);
      if (failures < 7) {
        failures += 1;
        throw Object.assign(new Error("connection terminated"), { code: "ECONNRESET" });
      }
      return answer as never;
    },
  };
  const ran: string[] = [];
  start(async (_, job) => void ran.push(job.id), {}, { db: away, logger });
  await until(async () => (await histories(db))["completed"] === 20);
  expect(ran.sort()).toEqual(ids.sort());
  expect(logger.lines.join("\n")).toMatch(/the database is away: paused, and trying again[^]*the database is back/);
});

it("is refused, and says so, when its lease expired and was taken back meanwhile", async () => {
  const logger = recordingLogger();
  const { queue, start, db } = await setupWorkers({ logger });
  const [id] = await queue.enqueue(1);
  const finish = Promise.withResolvers<void>();
  let runs = 0;
  const worker = start(async () => {
    runs += 1;
    if (runs === 1) await finish.promise;
  });
  await until(() => runs === 1);
  await db.query("select from forgeq.recover(10, clock_timestamp() + interval '61 seconds')");
  finish.resolve();
  await until(() => worker.settled.get("lease_lost") === 1);
  expect(logger.lines.join("\n")).toMatch(/"warn","message":"an outcome was refused: the lease is lost"/);
  expect((await queue.get(id!)).attempts).toMatchObject([{ outcome: "lease_expired" }]);
});

it("ends an outcome that can't be stored as a retry, and takes no other job with it", async () => {
  const { queue, start, deps, db, metrics } = await setupWorkers();
  const ids = await queue.enqueue(3, { maxAttempts: 1 });
  const [again] = await queue.enqueue(1, { maxAttempts: 2 });
  const refusing: Db = {
    ...deps.db,
    query: (text, params) => {
      const refused = text.includes("settle_and_take") && JSON.stringify(params?.[1]).includes("unstorable");
      return refused ? Promise.reject(new ForgeqError("invalid_job", "refused")) : deps.db.query(text, params);
    },
  };
  const worker = start(
    async (_, job) => {
      if ([ids[1], again].includes(job.id)) throw new Error("unstorable");
    },
    { once: true },
    { db: refusing },
  );
  await worker.drained;
  expect(await histories(db)).toEqual({ completed: 2, dead: 1 });
  expect(await queue.get(ids[1]!)).toMatchObject({ state: "dead", error: { name: "OutcomeRefused" } });
  expect(await queue.get(again!)).toMatchObject({ state: "scheduled", error: { name: "OutcomeRefused" } });
  expect([metrics.counts.get("JobsCompleted"), metrics.counts.get("JobsRetried")]).toEqual([2, 1]);
});
