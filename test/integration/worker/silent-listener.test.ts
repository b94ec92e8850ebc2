import { Socket } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { listenForHints, type NotListening } from "../../../lib/db/protocol/listen.ts";
import type { TakenLease } from "../../../lib/db/protocol/take.ts";
import { listenForWorker, stopListening } from "../../../lib/queue/worker/listen.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { miscounted, strays } from "../../support/queue.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { JOB } from "../../support/worker/local-start.ts";
import { setupPushes } from "../../support/worker/push.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

/** By hand: FORGEQ_SILENT_SECONDS=90. */
const SILENT_SECONDS = Number(process.env.FORGEQ_SILENT_SECONDS ?? 16);
const LONG_MS = 45_000 + SILENT_SECONDS * 1000;
/** The longest pause between two polls, and what it takes to start what a poll has found. */
const LATEST_MS = 7_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Pushes to workers that listen through a proxy, which can make that silent; their other connections are well. */
const setupSilence = async () => {
  const s = await setupPushes();
  const proxy = await startProxy(Number(new URL(s.url).port));
  const ran = new Map<string, { readonly atMs: number; readonly attempt: number }>();
  const work = async (_: unknown, job: { readonly id: string; readonly attempt: number }): Promise<void> => {
    expect(ran.has(job.id)).toBe(false);
    ran.set(job.id, { atMs: performance.now(), attempt: job.attempt });
  };
  const { worker, listener } = await s.startOffering(work, {}, {}, proxy.through(s.url));
  return { ...s, proxy, ran, worker, listener };
};

it(
  "starts each job within the pause of a poll, with its first attempt, while its connection is silent, and is pushed none",
  async () => {
    const s = await setupSilence();
    s.proxy.silence();
    const answered = new Map<string, number>();
    const states: string[] = [];
    for (let n = 0; n < SILENT_SECONDS; n += 1) {
      const [enqueued] = await s.enqueue({ ...JOB, maxAttempts: 1 });
      answered.set(enqueued!.job.id, performance.now());
      states.push(enqueued!.job.state);
      await sleep(1_000);
    }
    await until(() => s.ran.size === answered.size);
    const waitsMs = [...answered].map(([id, atMs]) => s.ran.get(id)!.atMs - atMs);
    expect(Math.max(...waitsMs)).toBeLessThan(LATEST_MS);
    expect([...s.ran.values()].filter(({ attempt }) => attempt !== 1)).toEqual([]);
    // The first was pushed, and lost; in the end none is pushed.
    expect([states[0], states.at(-1)]).toEqual(["running", "pending"]);
    const { pushesFound, probesLost, listening } = s.worker.describe().state;
    expect(pushesFound).toBeGreaterThan(0);
    expect(listening).toBe(false);
    // At most one probe is missed: without a proof no offer is made, and no probe is sent.
    expect(probesLost).toBeLessThanOrEqual(1);

    s.proxy.silence(false);
    await until(() => s.worker.describe().state["listening"] === true);
    await until(async () => (await s.enqueue(JOB))[0]!.job.state === "running");
    await until(async () => (await s.db.query("select from forgeq.job")).length === 0);
    expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
  },
  LONG_MS,
);

it("runs, or gives back, what was pushed to it when it is stopped while its connection is silent", async () => {
  const s = await setupSilence();
  s.proxy.silence();
  const [enqueued] = await s.enqueue(JOB);
  expect(enqueued!.job.state).toBe("running");
  expect(await stopListening(s.listener, s.worker, 10_000)).toBe(true);
  expect(await s.db.query("select from forgeq.lease")).toEqual([]);
  expect([...s.ran.values()].map(({ attempt }) => attempt)).toEqual([1]);
  expect((await s.enqueue(JOB))[0]!.job.state).toBe("pending");
});

describe("a worker that is stopped while a push to it commits slowly", () => {
  const pushSlowly = async (commitMs: number, graceMs: number) => {
    const s = await setupPushes();
    const { worker, listener } = await s.startOffering(async () => undefined);
    const other = await connectDb({ url: s.url });
    onTestFinished(() => other.close());
    let stopping: Promise<{ readonly inOrder: boolean; readonly tookMs: number }> | undefined;
    const startedMs = performance.now();
    await other.transaction(async (tx) => {
      await tx.query(
        `select forgeq.enqueue_lines(array[$1::uuid], '{"n":1}', array['plain'], fresh => true, start => 'push')`,
        [uuidV7()],
      );
      expect(await tx.query("select from forgeq.lease where begun_by = $1", [worker.id])).toHaveLength(1);
      stopping = stopListening(listener, worker, graceMs).then((inOrder) => ({
        inOrder,
        tookMs: performance.now() - startedMs,
      }));
      await sleep(commitMs);
    });
    const stopped = await stopping!;
    const leases = await s.db.query("select from forgeq.lease");
    return { ...stopped, leases: leases.length, db: s.db, worker };
  };

  it("waits for it as long as the grace period allows, and no attempt is lost", async () => {
    const { inOrder, leases, worker, db } = await pushSlowly(3_500, 10_000);
    expect({ inOrder, leases }).toEqual({ inOrder: true, leases: 0 });
    expect(worker.settled).toEqual(new Map([["pending", 1]]));
    expect(await db.query("select attempt::int, claim_id from forgeq.job")).toEqual([{ attempt: 0, claim_id: null }]);
  });

  it("ends all the same when the grace period is over", async () => {
    const { tookMs } = await pushSlowly(6_000, 3_000);
    expect(tookMs).toBeLessThan(5_500);
  });
});

describe("a lease that was begun for a worker, and whose notification did not arrive", () => {
  const setupLost = async () => {
    const s = await setupWorkers();
    const ran: string[] = [];
    const worker = s.start(async (_, job) => void ran.push(job.id));
    const store = async (): Promise<TakenLease> => {
      const id = uuidV7();
      await s.db.query(
        `select forgeq.enqueue_lines(array[$1::uuid], '{"n":1}', array['plain'], fresh => true, start => 'local', worker => $2::uuid,
           worker_queue => 'plain', invocation => 'elsewhere')`,
        [id, worker.id],
      );
      const facts = { type: "plain", queue: "plain", attempt: 1, maxAttempts: 3, depth: 0 };
      const job = {
        id,
        ...facts,
        waitedMs: null,
        traceparent: null,
        metadata: null,
        uniqueKey: null,
        payload: { n: 1 },
      };
      return { id, type: "plain", queue: "plain", leaseSeconds: 60, jobs: [job] };
    };
    return { ...s, ran, worker, store };
  };

  it("is taken up, once: the notification may come late, and somebody may look again", async () => {
    const s = await setupLost();
    const lease = await s.store();
    await Promise.all([s.worker.findLostPushes(), s.worker.findLostPushes()]);
    s.worker.push(lease);
    await until(() => s.worker.settled.get("completed") === 1);
    s.worker.push(lease);
    await s.worker.findLostPushes();
    await sleep(100);
    expect(s.ran).toEqual([lease.id]);
    expect(s.worker.describe().state).toMatchObject({ pushesFound: 1, pushesReceived: 0 });
  });

  it("is not taken up when it came in the meantime, or belongs to another", async () => {
    const s = await setupLost();
    const lease = await s.store();
    s.worker.push(lease);
    await s.worker.findLostPushes();
    await until(() => s.worker.settled.get("completed") === 1);
    await s.store();
    await s.db.query("update forgeq.lease set begun_by = $1", [uuidV7()]);
    await s.worker.findLostPushes();
    await sleep(100);
    expect(s.ran).toEqual([lease.id]);
    expect(s.worker.describe().state).toMatchObject({ pushesFound: 0, pushesReceived: 1 });
  });
});

describe("a connection that listens", () => {
  /** Told of each change, in order. */
  const setupListener = async (url: (through: (url: string) => string, direct: string) => string, loseProbes = 0) => {
    const s = await setupWorkers();
    const proxy = await startProxy(Number(new URL(s.url).port));
    const changes: (true | NotListening)[] = [];
    let lost = loseProbes;
    const db: typeof s.db = {
      ...s.db,
      query: (text, params) => {
        if (!text.includes("forgeq:notify") || lost === 0) return s.db.query(text, params);
        lost -= 1;
        return Promise.resolve([]);
      },
    };
    const open = () => {
      const on = {
        hint: () => undefined,
        change: (works: boolean, why?: NotListening) => void changes.push(works || why!),
      };
      const listener = listenForHints({ url: url(proxy.through, s.url) }, db, on);
      onTestFinished(async () => void (await listener.close()));
      return listener;
    };
    return { ...s, proxy, changes, open };
  };

  it("is kept alive as those of the pool are", async () => {
    const keepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
    onTestFinished(() => keepAlive.mockRestore());
    const s = await setupListener((_, direct) => direct);
    keepAlive.mockClear();
    s.open();
    await until(() => s.changes.length > 0);
    expect(keepAlive.mock.calls[0]).toEqual([true, 60_000]);
  });

  it("is tried again, and never given up, after a probe that did not arrive", async () => {
    const s = await setupListener((_, direct) => direct, 1);
    s.open();
    await until(() => s.changes.length === 2);
    expect(s.changes).toEqual(["silent", true]);
  });

  it("is tried again when it falls silent while it is opened", async () => {
    const s = await setupListener((through, direct) => through(direct));
    s.proxy.silence();
    s.open();
    await until(() => s.changes.length === 1);
    s.proxy.silence(false);
    await until(() => s.changes.length === 2);
    expect(s.changes).toEqual(["broken", true]);
  });

  it("through a pooler listens to nothing, and tries again later", async () => {
    const s = await setupListener((through, direct) => through(direct));
    s.proxy.poses(true);
    const timers = vi.spyOn(globalThis, "setTimeout");
    onTestFinished(() => timers.mockRestore());
    s.open();
    await until(() => s.changes.length === 1);
    expect(s.changes).toEqual(["pooled"]);
    expect(s.proxy.listeners()).toBe(0);
    const later = timers.mock.calls.find(([, ms]) => ms === 300_000);
    s.proxy.poses(false);
    later![0]();
    await until(() => s.changes.length === 2);
    expect(s.changes).toEqual(["pooled", true]);
  });

  it("says once that there is a pooler, or that it does not listen, and that it does again", async () => {
    const s = await setupWorkers();
    const proxy = await startProxy(Number(new URL(s.url).port));
    const logger = recordingLogger();
    const worker = s.start(async () => undefined);
    const changes: boolean[] = [];
    const listener = listenForWorker(
      { url: proxy.through(s.url) },
      s.db,
      worker,
      (works) => changes.push(works),
      logger,
    );
    onTestFinished(async () => void (await listener.close()));
    await until(() => changes.includes(true));
    await proxy.away();
    await until(() => changes.filter((works) => !works).length === 3);
    proxy.poses(true);
    await proxy.back();
    await until(() => logger.lines.length === 2);
    expect(logger.lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
      expect.stringContaining("broke"),
      expect.stringContaining("pooler"),
    ]);
  });
});
