import { createHash } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { createApi } from "../../../lib/functions/create-api.ts";
import { createEnqueue } from "../../../lib/functions/create-enqueue.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { operations } from "../../../lib/http/operations.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { logIn } from "../../support/database/roles.ts";
import { ALL_SCOPES, CONTEXT, eventOf, SECRET } from "../../support/http/http.ts";
import { plain, setup, type Setup } from "../../support/queue.ts";

const JOB = { type: "plain", payload: { n: 1 } };

interface Sent {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads whatever the answer has
  readonly body: any;
}

const isReplayed = ({ headers }: Sent): boolean => headers["idempotency-replayed"] === "true";

/** Both functions over these dependencies. */
const clientOf = (deps: Deps, keys = ALL_SCOPES) => {
  const enqueue = createEnqueue(deps, keys, [plain]);
  const api = createApi(deps, keys, () => Promise.resolve([plain]));
  return async (path: string, body: unknown, key?: string, headers: Record<string, string> = {}): Promise<Sent> => {
    const named = key === undefined ? {} : { "Idempotency-Key": key };
    const handler = path === "/jobs" || path === "/jobs/batch" ? enqueue : api;
    const event = eventOf({ method: "POST", path, body, headers: { ...named, ...headers } });
    const { statusCode, headers: answered = {}, body: text = "" } = await handler(event, { ...CONTEXT });
    return { status: statusCode, headers: answered, text, body: JSON.parse(text) as unknown };
  };
};

const jobsIn = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ n: number }>("select count(*)::int as n from forgeq.job");
  return row?.n ?? -1;
};

const start = async () => {
  const s = await setup({ realClock: true });
  return { ...s, post: clientOf(s.deps) };
};

const expectOneAnswer = (answers: readonly Sent[]): void => {
  expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  expect(new Set(answers.map(({ headers }) => headers["location"])).size).toBe(1);
  expect(answers.filter(isReplayed)).toHaveLength(answers.length - 1);
};

describe("100 posts at the same time with one Idempotency-Key", () => {
  it("make one job and get one answer, of which 99 are marked, from one process", async () => {
    const { db, post } = await start();
    const answers = await Promise.all(Array.from({ length: 100 }, () => post("/jobs", JOB, "k")));
    expectOneAnswer(answers);
    expect(answers[0]).toMatchObject({ status: 201, body: { state: "pending", unique_key: null } });
    expect(await jobsIn(db)).toBe(1);
  });

  it("do so from 100 processes, which meet in Postgres alone", async () => {
    const { db, deps } = await start();
    const answers = await Promise.all(Array.from({ length: 100 }, () => clientOf({ ...deps })("/jobs", JOB, "k")));
    expectOneAnswer(answers);
    expect(await jobsIn(db)).toBe(1);
  });
});

/** A request to each operation that takes a key, and another body for the same path; what it makes is counted in jobs. */
const requests = async (s: Setup) => {
  const [other] = await s.queue.enqueue(1, { runAt: new Date(Date.now() + 3_600_000) });
  const api = clientOf(s.deps);
  const daily = { name: "daily", cron: "0 4 * * *", timezone: "UTC", ...JOB };
  expect(await api("/schedules", daily)).toMatchObject({ status: 201 });
  expect(await api("/schedules", { ...daily, name: "weekly" })).toMatchObject({ status: 201 });
  return {
    enqueueJob: [["/jobs", JOB], ["/jobs", { ...JOB, priority: 1 }], 1],
    enqueueJobs: [["/jobs/batch", { jobs: [JOB, JOB] }], ["/jobs/batch", { jobs: [JOB] }], 2],
    cloneJob: [[`/jobs/${other}/clone`, {}], [`/jobs/${other}/clone`, { delay_seconds: 5 }], 1],
    triggerSchedule: [["/schedules/daily/trigger", {}], ["/schedules/weekly/trigger", {}], 1],
    bulkJobs: [
      ["/jobs/bulk", { action: "reschedule", ids: [other], delay_seconds: 5 }],
      ["/jobs/bulk", { action: "cancel", ids: [other] }],
      0,
    ],
  } as const satisfies Record<string, readonly [first: [string, object], second: [string, object], jobs: number]>;
};

describe("an Idempotency-Key", () => {
  it("is taken by every operation that says so: the first answer again, 422 for another request", async () => {
    const s = await start();
    const all = await requests(s);
    expect(
      operations
        .filter(({ takesKey }) => takesKey === true)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(Object.keys(all).sort());
    for (const [id, [[path, body], [otherPath, otherBody], jobs]] of Object.entries(all)) {
      const before = await jobsIn(s.db);
      const first = await s.post(path, body, id);
      expect(first.status, id).toBeLessThan(300);
      const again = await s.post(path, body, id);
      expectOneAnswer([again, first]);
      expect(await s.post(otherPath, otherBody, id)).toMatchObject({
        status: 422,
        body: { code: "idempotency_key_reused" },
      });
      expect(await jobsIn(s.db), id).toBe(before + jobs);
    }
  });

  it("of one operation is refused with another one", async () => {
    const { post } = await start();
    await post("/jobs", JOB, "k");
    expect(await post("/jobs/batch", { jobs: [JOB] }, "k")).toMatchObject({ status: 422 });
  });

  it("keeps the answer as it was, whatever became of the job", async () => {
    const { db, post } = await start();
    const first = await post("/jobs", JOB, "k");
    await db.query("delete from forgeq.job");
    expectOneAnswer([first, await post("/jobs", JOB, "k")]);
    expect(await jobsIn(db)).toBe(0);
  });

  it("is the caller's own", async () => {
    const { db, deps } = await start();
    const secrets = [SECRET, "another-secret-of-the-tests"];
    const keys = secrets.map((secret, n) => ({
      id: `caller-${n}`,
      sha256: createHash("sha256").update(secret).digest("hex"),
      scopes: ["jobs:write"],
    }));
    const post = clientOf(deps, JSON.stringify(keys));
    const answers = await Promise.all(
      secrets.map((secret) => post("/jobs", JOB, "k", { authorization: `Bearer ${secret}` })),
    );
    expect(answers.filter(isReplayed)).toEqual([]);
    expect(await jobsIn(db)).toBe(2);
  });

  it("is free again after a day", async () => {
    const { db, post } = await start();
    await post("/jobs", JOB, "k");
    await db.query("update forgeq.idempotency set created_at = created_at - interval '25 hours'");
    const later = await post("/jobs", { ...JOB, priority: 1 }, "k");
    expect(later).toMatchObject({ status: 201 });
    expect(isReplayed(later)).toBe(false);
    expect(await jobsIn(db)).toBe(2);
  });

  it("of a request that was refused is free", async () => {
    const { db, post } = await start();
    expect(await post("/schedules/daily/trigger", {}, "k")).toMatchObject({ status: 404 });
    expect(await post("/jobs", { ...JOB, queue: "elsewhere" }, "k")).toMatchObject({ status: 422 });
    expect(await db.query("select key from forgeq.idempotency")).toEqual([]);
    const after = await post("/jobs", JOB, "k");
    expect(after).toMatchObject({ status: 201 });
    expect(isReplayed(after)).toBe(false);
  });

  it("whose first request is under way is 409 with Retry-After", async () => {
    const { db, post } = await start();
    await db.transaction(async (tx) => {
      await tx.query("select forgeq.begin_idempotent('test', 'k', 'x')");
      expect(await post("/jobs", JOB, "k")).toMatchObject({
        status: 409,
        headers: { "retry-after": "1" },
        body: { code: "idempotency_key_in_use" },
      });
    });
    expect(await jobsIn(db)).toBe(0);
  });

  it.each([
    ["none", ""],
    ["too many", "x".repeat(201)],
    ["other", "schlüssel"],
  ])("with %s characters is refused", async (_, key) => {
    const { db, post } = await start();
    expect(await post("/jobs", JOB, key)).toMatchObject({ status: 400, body: { code: "invalid_query" } });
    expect(await jobsIn(db)).toBe(0);
  });

  it("wakes a dispatcher once, after the commit", async () => {
    const { deps, post, invocations, metrics } = await start();
    await post("/jobs", JOB, "k");
    await post("/jobs", JOB, "k");
    expect(invocations.map(({ functionName }) => functionName)).toEqual([deps.config.dispatcherFunction]);
    expect(metrics.counts.get("JobsEnqueued")).toBe(1);
  });

  it("survives a missing partition, which is made and the transaction begun anew", async () => {
    const s = await start();
    const [id] = await s.queue.enqueue(1);
    const partitions = await s.db.query<{ name: string }>(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'forgeq.job_history'::regclass",
    );
    expect(partitions.length).toBeGreaterThan(0);
    for (const { name } of partitions) await s.db.query(`drop table ${name}`);
    const cancel = { action: "cancel", ids: [id] };
    expect(await s.post("/jobs/bulk", cancel, "k")).toMatchObject({ status: 200, body: { done: 1 } });
    expect(await jobsIn(s.db)).toBe(0);
  });

  it("survives a commit whose answer is lost: one job, and its dispatcher is woken", async () => {
    const s = await start();
    const proxy = await startProxy(Number(new URL(s.url).port));
    const db = await connectDb({ url: proxy.through(s.url) });
    onTestFinished(() => db.close());
    proxy.loseAnswers(/commit\0/);
    expect(await clientOf({ ...s.deps, db })("/jobs", JOB, "k")).toMatchObject({ status: 201 });
    expect(proxy.lost()).toBe(1);
    expect(await jobsIn(s.db)).toBe(1);
    expect(s.invocations).toHaveLength(1);
  });

  it("needs no other role than the one that enqueues", async () => {
    const s = await start();
    const { url } = await logIn(s, ["enqueue"]);
    const db = await connectDb({ url });
    onTestFinished(() => db.close());
    const post = clientOf({ ...s.deps, db });
    expectOneAnswer([await post("/jobs", JOB, "k"), await post("/jobs", JOB, "k")]);
  });

  it("does not get a body that is nested too deeply past its check", async () => {
    const s = await start();
    const [id] = await s.queue.enqueue(1);
    const deep = `{"payload":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    expect(await s.post(`/jobs/${id}/clone`, deep, "k")).toMatchObject({ status: 422, body: { code: "invalid_job" } });
  });
});

it("costs nothing where none is sent: the same statements, and no transaction", async () => {
  const s = await start();
  const texts: string[] = [];
  let transactions = 0;
  const db: Db = {
    ...s.db,
    query: (text, params, options) => {
      texts.push(/forgeq:(\w+)/.exec(text)?.[1] ?? text);
      return s.db.query(text, params, options);
    },
    transaction: (work) => {
      transactions += 1;
      return s.db.transaction(work);
    },
  };
  const post = clientOf({ ...s.deps, db });
  await post("/jobs", JOB);
  await post("/jobs/batch", { jobs: [JOB, JOB] });
  expect(texts).toEqual(["enqueue", "wake_wanted", "enqueue", "wake_wanted"]);
  expect(transactions).toBe(0);
});

describe("what was there already", () => {
  it("is marked as deduplicated: by id, by unique key, and in a batch", async () => {
    const { post } = await start();
    const first = await post("/jobs", { ...JOB, unique_key: "u" });
    expect(first.body).not.toHaveProperty("deduplicated");
    expect(await post("/jobs", { ...JOB, unique_key: "u" })).toMatchObject({
      status: 200,
      body: { deduplicated: true },
    });
    const id = first.body.id as string;
    expect(await post("/jobs", { ...JOB, unique_key: "u", id })).toMatchObject({
      status: 200,
      body: { id, deduplicated: true },
    });
    const { body } = await post("/jobs/batch", { jobs: [JOB, { ...JOB, unique_key: "u" }] });
    expect(body.jobs[0]).not.toHaveProperty("deduplicated");
    expect(body.jobs[1]).toMatchObject({ id, deduplicated: true });
  });
});
