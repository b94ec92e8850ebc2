import { describe, expect, it } from "vitest";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import type { NewJob } from "../../../lib/core/new-job.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { pauseQueue, resumeQueue, setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { markDispatcher } from "../../../lib/db/protocol/wake.ts";
import { declareQueue } from "../../../lib/db/reads/queues.ts";
import { type Dispatcher, dispatchers, type DispatcherOptions } from "../../support/lambda/dispatcher.ts";
import { plain, unlimited } from "../../support/queue.ts";

const create = dispatchers();

const other = defineJob({ type: "other", payload: plain.payload });
const job = (more: Partial<NewJob> = {}): NewJob => ({ type: "plain", payload: {}, ...more });

/**
 * Runs a dispatcher again and again, and acts before its first statement, its second, and so on to its end. Each time it
 * runs every dispatcher that was woken, and checks.
 */
const atEachPoint = async (
  options: DispatcherOptions,
  prepare: (d: Dispatcher) => Promise<void>,
  act: (d: Dispatcher) => Promise<unknown>,
  check: (d: Dispatcher, point: string) => Promise<void>,
): Promise<number> => {
  for (let point = 0; ; point += 1) {
    const d = await create(options);
    await prepare(d);
    let acted = false;
    d.beforeStatement(async (index) => {
      if (index !== point || acted) return;
      acted = true;
      await act(d);
    });
    await d.run();
    await d.runWoken();
    if (!acted) return point;
    await check(d, `before statement ${point}, ${d.statements[point]}`);
  }
};

describe("at every point of a dispatcher's life", { timeout: 120_000 }, () => {
  it.each(["always", "armed"] as const)(
    "a job that is enqueued there starts within two seconds: %s",
    async (wakeMode) => {
      const points = await atEachPoint(
        { wakeMode },
        async (d) => void (await enqueueJobs(d.outside, [job()])),
        (d) => enqueueJobs(d.outside, [job()]),
        async (d, point) => {
          const late = await d.lateness();
          expect(late, point).toHaveLength(2);
          expect(
            late.filter((seconds) => seconds === null || seconds > 2),
            point,
          ).toEqual([]);
        },
      );
      expect(points).toBeGreaterThan(15);
    },
  );

  it("no job of a queue is stranded that it sees for the first time there", async () => {
    await atEachPoint(
      { jobs: [plain, other] },
      async (d) => {
        await d.db.query("delete from forgeq.queue where name = 'other'");
        await enqueueJobs(d.outside, [job()]);
      },
      async (d) => {
        await declareQueue(d.db, "other", {});
        await enqueueJobs(d.outside, [job({ type: "other" })]);
      },
      async (d, point) => expect(await d.lateness(), point).not.toContain(null),
    );
  });

  it("no job with a short delay is late by more than a second that is enqueued there", async () => {
    await atEachPoint(
      {},
      async (d) => void (await enqueueJobs(d.outside, [job()])),
      (d) => enqueueJobs(d.outside, [job({ delaySeconds: 5 })]),
      async (d, point) => {
        const [, late] = await d.lateness();
        expect(late, point).toBeGreaterThanOrEqual(0);
        expect(late, point).toBeLessThanOrEqual(1);
      },
    );
  });

  it("nor one that is due before what another dispatcher waits for", async () => {
    await atEachPoint(
      {},
      async (d) => {
        await enqueueJobs(d.outside, [job({ delaySeconds: 100 })]);
        await markDispatcher(d.db, uuidV7(), "waiting", 100, d.at(0));
      },
      (d) => enqueueJobs(d.outside, [job({ delaySeconds: 5 })]),
      async (d, point) => {
        const [late] = await d.lateness();
        expect(late, point).toBeLessThanOrEqual(1);
      },
    );
  });

  it("a resumed queue's jobs start", async () => {
    await atEachPoint(
      { jobs: [plain, other] },
      async (d) => {
        await pauseQueue(d.outside, "other");
        await enqueueJobs(d.outside, [job(), job({ type: "other" })]);
      },
      (d) => resumeQueue(d.outside, "other"),
      async (d, point) => expect(await d.lateness(), point).not.toContain(null),
    );
  });

  it("a raised limit starts what it held back", async () => {
    await atEachPoint(
      { queues: [defineQueue({ name: "plain", maxInFlight: 1 })] },
      async (d) => void (await enqueueJobs(d.outside, [job(), job()])),
      (d) => setQueue(d.outside, "plain", { maxInFlight: 2 }),
      async (d, point) => expect(await d.lateness(), point).not.toContain(null),
    );
  });

  it("a freed place is taken by the next job of a full queue", async () => {
    await atEachPoint(
      { queues: [defineQueue({ name: "plain", maxInFlight: 1 })] },
      async (d) => {
        await d.queue.enqueue(2);
        await d.queue.claim(1);
      },
      async (d) => {
        const [lease] = await d.db.query<{ id: string }>("select id from forgeq.lease");
        const held = await d.queue.begin(lease!.id);
        if (held === "lease_lost") throw new Error("lost");
        const { wakeSeconds } = await d.queue.settle(held, "completed");
        const { wakeDispatcher } = await import("../../../lib/queue/wake/wake-dispatcher.ts");
        await wakeDispatcher(d.outside, wakeSeconds, "plain");
      },
      async (d, point) => expect(await d.lateness(), point).toEqual([expect.any(Number)]),
    );
  });
});

describe("a queue that somebody else holds", () => {
  it("is scanned until it has been seen, however long that takes", async () => {
    const d = await create({ queues: [defineQueue({ name: "plain", maxInFlight: 10 })] });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let locked = (): void => undefined;
    const isLocked = new Promise<void>((resolve) => (locked = resolve));
    const holding = d.db.transaction(async (tx) => {
      await tx.query("select from forgeq.queue for no key update");
      locked();
      await held;
    });
    await isLocked;
    await enqueueJobs(d.outside, [job()]);
    let let_go = false;
    d.onSleep(async () => {
      // Longer than it lingers and sweeps.
      if (d.now() < 4 || let_go) return;
      let_go = true;
      release();
      await holding;
    });

    expect(await d.run()).toMatchObject({ jobs: 1, ended: "idle" });
    expect(let_go).toBe(true);
  });
});

describe("two dispatchers", () => {
  it("forget the instant that one no longer waits for when the other takes over", async () => {
    const d = await create({ queues: [unlimited] });
    await enqueueJobs(d.outside, [job({ delaySeconds: 100 })]);
    d.onSleep(async (seconds) => {
      if (seconds > 50)
        await markDispatcher(d.db, uuidV7(), "active", null, new Date(d.at(d.now() + seconds).getTime()));
    });
    expect(await d.run()).toMatchObject({ ended: "another_active" });
    expect(await d.db.query("select waiting_for from forgeq.wake")).toEqual([{ waiting_for: null }]);
  });
});
