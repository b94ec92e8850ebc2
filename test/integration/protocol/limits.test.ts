import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { pauseQueue, resumeQueue, setQueue } from "../../../lib/queue/manage/manage-queues.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup, type Setup } from "../../support/queue.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const limited = (maxInFlight: number | null, maxPending: number | null = null): Promise<Setup> =>
  setup({ database, queues: [defineQueue({ name: "plain", maxInFlight, maxPending })] });

const jobsIn = ({ leases }: { leases: readonly { jobs: number }[] }): number =>
  leases.reduce((sum, lease) => sum + lease.jobs, 0);

describe("max_pending, over HTTP", () => {
  const job = (more: object = {}) => ({ type: "plain", payload: { n: 1 }, ...more });

  it("refuses what is new with 429 and Retry-After, and nothing that is there already", async () => {
    const { db, queue, deps } = await limited(null, 3);
    const handler = createHandler(deps, ALL_SCOPES, [plain]);
    const post = (body: object, path = "/jobs") => send(handler, { path, body });
    const id = uuidV7();
    const waiting = async () => (await db.query("select from forgeq.job where claim_id is null")).length;
    for (const more of [{ id }, { unique_key: "only" }, {}])
      expect(await post(job(more))).toHaveProperty("status", 201);

    expect(await post(job())).toMatchObject({
      status: 429,
      headers: { "retry-after": "5" },
      body: { code: "queue_full", errors: [{ pointer: "/queue" }] },
    });
    expect(await post(job({ id: uuidV7(), unique_key: "another" }))).toHaveProperty("status", 429);
    expect(await post({ jobs: [job({ id }), job()] }, "/jobs/batch")).toMatchObject({
      status: 429,
      body: { errors: [{ pointer: "/jobs/1/queue" }] },
    });
    expect(await post(job({ id }))).toMatchObject({ status: 200, body: { id } });
    expect(await post(job({ unique_key: "only" }))).toHaveProperty("status", 200);
    expect(await post({ jobs: [job({ id }), job({ unique_key: "only" })] }, "/jobs/batch")).toHaveProperty("status", 201); // prettier-ignore
    expect(await waiting()).toBe(3);

    // What is leased does not wait.
    await queue.claim(1);
    expect(await post(job())).toHaveProperty("status", 201);
    expect(await post(job())).toHaveProperty("status", 429);
    // Not even when it has ended.
    await queue.settle(await queue.lease(), "completed");
    expect(await post(job({ id }))).toHaveProperty("status", 200);
  });
});

describe("max_in_flight", () => {
  it("lowered, drains: nothing is claimed until fewer are in flight", async () => {
    const { queue, deps } = await limited(5);
    await queue.enqueue(10);
    const [first] = (await queue.claim()).leases;
    const held = await queue.begin(first!.id);
    if (held === "lease_lost") throw new Error("lease lost");
    const [a, b, c, d] = held.jobIds;
    const settle = (id: string) => queue.settle({ ...held, jobIds: [id] }, "completed");

    await setQueue(deps, "plain", { maxInFlight: 2 });

    for (const id of [a!, b!, c!]) {
      expect(await queue.claim()).toMatchObject({ outcome: "full", leases: [], more: false });
      // The last of them frees no place, but says so all the same: somebody was refused.
      expect(await settle(id)).toMatchObject({ wakeSeconds: 0 });
    }
    expect(await queue.claim()).toMatchObject({ outcome: "full" });
    await settle(d!);
    expect(jobsIn(await queue.claim())).toBe(1);
    expect(await queue.claim()).toMatchObject({ outcome: "full" });
  });

  it.each([5, null])("raised to %s, gives more immediately and wakes a dispatcher", async (maxInFlight) => {
    const { queue, deps, moveTo, invocations } = await limited(2);
    await queue.enqueue(10);
    expect(jobsIn(await queue.claim())).toBe(2);
    expect((await queue.claim()).outcome).toBe("full");
    moveTo(10);

    expect(await setQueue(deps, "plain", { maxInFlight })).toMatchObject({ queue: { maxInFlight } });

    expect(invocations).toEqual([{ functionName: "forgeq-test-dispatcher", event: { queue: "plain" } }]);
    expect(jobsIn(await queue.claim())).toBe(maxInFlight === null ? 8 : 3);
  });

  it("set on a queue that had none counts what is in flight already", async () => {
    const { queue, deps } = await limited(null);
    await queue.enqueue(6);
    await queue.claim(3);
    await setQueue(deps, "plain", { maxInFlight: 4 });
    expect(jobsIn(await queue.claim())).toBe(1);
  });
});

describe("a pause", () => {
  it.each([null, 3])(
    "holds everything that waits, lets what runs go on, and ends with a wake (limit %s)",
    async (limit) => {
      const { queue, deps, moveTo, invocations } = await limited(limit);
      const ids = await queue.enqueue(3);
      const [lease] = (await queue.claim(1)).leases;
      await pauseQueue(deps, "plain");
      expect(await queue.claim()).toMatchObject({ outcome: "paused", leases: [], more: false });
      const held = await queue.begin(lease!.id);
      if (held === "lease_lost") throw new Error("lease lost");
      expect(await queue.settle(held, "completed")).toMatchObject({ outcome: "settled" });
      expect(invocations).toEqual([]);
      expect(await queue.state(ids[1]!)).toBe("pending");
      moveTo(10);

      await resumeQueue(deps, "plain");

      expect(invocations).toHaveLength(1);
      expect(jobsIn(await queue.claim())).toBe(2);
    },
  );
});

describe("a claim's answers", () => {
  it("tell empty, claimed, full, busy and paused apart, and say whether another claim may find jobs", async () => {
    const { db, queue, deps } = await limited(2);
    const answer = async (maxJobs = 100) => {
      const { outcome, leases, more } = await queue.claim(maxJobs);
      return [outcome, jobsIn({ leases }), more];
    };
    expect(await answer()).toEqual(["empty", 0, false]);
    await queue.enqueue(3);
    expect(await answer(1)).toEqual(["claimed", 1, true]);
    await db.transaction(async (other) => {
      await other.query("select from forgeq.queue where name = 'plain' for no key update");
      expect(await answer()).toEqual(["busy", 0, true]);
    });
    expect(await answer()).toEqual(["claimed", 1, true]);
    expect(await answer()).toEqual(["full", 0, false]);
    await pauseQueue(deps, "plain");
    expect(await answer()).toEqual(["paused", 0, false]);
    expect((await queue.claim(100, "unheard_of")).outcome).toBe("empty");
  });
});
