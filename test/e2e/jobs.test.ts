import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { type LoggedIn, logIn } from "../support/database/roles.ts";
import { startSite, type Site } from "../support/servers/site.ts";
import { startLocal, temporaryFolder } from "../support/cli/start-local.ts";

const PAGE = `<html><head><title>A local page</title><meta name="description" content="For the test"></head>
<body><a href="/other">three more words</a></body></html>`;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

// Generous: the machine may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let site: Site;
let database: TestDatabase;
let logins: Record<"enqueue" | "api" | "worker", LoggedIn>;
let run: Awaited<ReturnType<typeof startLocal>>;
const folder = temporaryFolder();

beforeAll(async () => {
  site = await startSite({
    "/page": (_, response) => response.setHeader("content-type", "text/html").end(PAGE),
    "/broken": (_, response) => response.writeHead(500).end(),
  });
  database = await createTestDatabase({ empty: true });
  logins = {
    enqueue: await logIn(database, ["enqueue"]),
    api: await logIn(database, ["manage"]),
    worker: await logIn(database, ["worker"]),
  };
  run = await startLocal({
    folder: folder.path,
    env: {
      DATABASE_URL: database.url,
      FORGEQ_DATABASE_URL_ENQUEUE: logins.enqueue.url,
      FORGEQ_DATABASE_URL_API: logins.api.url,
      FORGEQ_DATABASE_URL_WORKER: logins.worker.url,
      FORGEQ_CRAWL_ALLOW: `127.0.0.1:${site.port}`,
    },
  });
});

afterAll(async () => {
  await run?.stop();
  await site?.close();
  for (const login of Object.values(logins ?? {})) await login.drop();
  await database?.drop();
  folder.remove();
});

/** Rows of a table; the tables live in the local run's own database. */
const count = async (where: string): Promise<number> =>
  (await database.db.query<{ n: number }>(`select count(*)::int as n from ${where}`))[0]!.n;

const mails = (): string[] => {
  const mailFolder = run.mailFolder ?? "";
  return existsSync(mailFolder)
    ? readdirSync(mailFolder).map((name) => readFileSync(join(mailFolder, name), "utf8"))
    : [];
};

describe("the three job types", () => {
  it("turns a posted job into a mail in the mailbox", async () => {
    const subject = `Hello ${Date.now()}`;
    const posted = await run.api.post("/jobs", { type: "send_email", payload: { email: "test@example.com", subject } });
    expect(posted.status).toBe(201);
    expect(posted.body.id).toMatch(UUID);
    expect(posted.headers.get("location")).toBe(`/jobs/${posted.body.id}`);

    const job = await run.api.inState(posted.body.id, "completed");
    expect(job).toMatchObject({
      type: "send_email",
      queue: "emails",
      attempt: 1,
      max_attempts: 8,
      payload: { email: "test@example.com", subject },
      result: { accepted: ["test@example.com"], message_id: expect.stringContaining(job.id) },
      error: null,
      attempts: [{ number: 1, outcome: "completed", error: null }],
    });
    const times = [job.created_at, job.started_at, job.finished_at].map((at: string) => Date.parse(at));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(mails().filter((mail) => mail.includes(`Subject: ${subject}`))).toHaveLength(1);
  });

  it("crawls a local page", async () => {
    const id = await run.api.enqueue("crawl_page", { url: `${site.origin}/page` });
    expect(await run.api.inState(id, "completed")).toMatchObject({
      result: {
        status: 200,
        title: "A local page",
        description: "For the test",
        link_count: 1,
        links: [`${site.origin}/other`],
      },
    });
  });

  it("writes a report of the jobs that finished", async () => {
    const mail = await run.api.enqueue("send_email", { email: "report@example.com" });
    const { finished_at: finishedAt } = await run.api.inState(mail, "completed");
    const from = new Date(Date.parse(finishedAt) - 3_600_000).toISOString();
    const to = new Date(Date.parse(finishedAt) + 1).toISOString();
    const id = await run.api.enqueue("generate_report", { from, to });
    const { result } = await run.api.inState(id, "completed");
    expect(result.totals.completed).toBeGreaterThanOrEqual(1);
    expect(result.file).toBe(join(folder.path, "reports", `report-${id}.csv`));
    const csv = readFileSync(result.file, "utf8").split("\n");
    expect(csv[0]?.trim()).toBe("hour,type,state,count");
    expect(csv.slice(1).join()).toMatch(/,send_email,completed,\d+/);
  });
});

describe("what is posted", () => {
  it("answers a repeated id or unique key with the job that is there", async () => {
    const body = {
      type: "send_email",
      id: uuidV7(),
      payload: { email: "again@example.com" },
      delay_seconds: 3600,
      unique_key: "again",
    };
    const [first, second] = [await run.api.post("/jobs", body), await run.api.post("/jobs", body)];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.headers.get("location")).toBe(`/jobs/${body.id}`);
    const { id: _, ...keyed } = body;
    expect(await run.api.post("/jobs", keyed)).toMatchObject({
      status: 200,
      body: { id: body.id, state: "scheduled" },
    });
    expect(await run.api.post("/jobs", { ...body, payload: { email: "other@example.com" } })).toMatchObject({
      status: 409,
      body: { code: "id_conflict" },
    });
    expect(await count(`forgeq.job where id = '${body.id}'`)).toBe(1);
  });

  it("makes one job of 100 posts with one unique key, and frees the key when it is finished", async () => {
    const body = { type: "send_email", payload: { email: "one@example.com" }, unique_key: "one", delay_seconds: 3600 };
    const answers = await Promise.all(Array.from({ length: 100 }, () => run.api.post("/jobs", body)));
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect(answers.map((answer) => answer.status).sort()).toEqual([...Array<number>(99).fill(200), 201]);
    const id = answers[0]!.body.id as string;
    expect(await run.api.post(`/jobs/${id}/cancel`)).toMatchObject({ status: 200, body: { state: "cancelled" } });
    expect(await run.api.post("/jobs", body)).toMatchObject({ status: 201, body: { unique_key: "one" } });
  });

  it("stores a batch whole, or not at all", async () => {
    const job = (email: string) => ({ type: "send_email", payload: { email }, queue: "emails", delay_seconds: 3600 });
    const taken = await run.api.post("/jobs/batch", { jobs: [job("a@example.com"), job("b@example.com")] });
    expect(taken).toMatchObject({ status: 201, body: { jobs: [{ state: "scheduled" }, { state: "scheduled" }] } });
    const before = await count("forgeq.job");
    expect(await run.api.post("/jobs/batch", { jobs: [job("c@example.com"), job("nobody")] })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: "/jobs/1/payload/email" }] },
    });
    expect(await count("forgeq.job")).toBe(before);
  });

  it("refuses what is wrong with a code and a pointer, and stores nothing", async () => {
    const before = await count("forgeq.job");
    const refused = await run.api.post("/jobs", { type: "send_email", payload: { email: "nobody" } });
    expect(refused.status).toBe(422);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    expect(refused.body).toMatchObject({ code: "invalid_payload", errors: [{ pointer: "/payload/email" }] });
    expect(refused.body.request_id).toEqual(expect.any(String));

    const payload = { email: "test@example.com" };
    for (const [body, status, code] of [
      ["{", 400, "malformed_json"],
      [{ type: "send_mail", payload }, 422, "unknown_type"],
      [{ type: "send_email", payload, priority: 10 }, 422, "invalid_job"],
      [{ type: "send_email", payload: { ...payload, body: "\0" } }, 422, "invalid_job"],
      [{ type: "send_email", payload: { ...payload, body: "x".repeat(300_000) } }, 413, "payload_too_large"],
    ] as const)
      expect(await run.api.post("/jobs", body)).toMatchObject({ status, body: { code } });
    expect(await run.api.post("/jobs", "type=send_email", { "content-type": "text/plain" })).toHaveProperty(
      "status",
      415,
    );
    expect(await count("forgeq.job")).toBe(before);
  });

  it("asks for a key everywhere but for /health", async () => {
    const nobody = { authorization: "" };
    expect(await run.api.get("/health", nobody)).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await run.api.get("/jobs", nobody)).toMatchObject({ status: 401, body: { code: "unauthorized" } });
    expect(await run.api.get("/jobs", { authorization: "Bearer wrong" })).toHaveProperty("status", 401);
    expect(await run.api.post("/jobs", {}, nobody)).toHaveProperty("status", 401);
  });
});

describe("what becomes of a job", () => {
  it("starts at its run_at, never before", async () => {
    const runAt = new Date(Date.now() + 3_000).toISOString();
    const id = await run.api.enqueue("send_email", { email: "later@example.com" }, { run_at: runAt });
    expect((await run.api.get(`/jobs/${id}`)).body).toMatchObject({ state: "scheduled", run_at: runAt });
    const { started_at: startedAt } = await run.api.inState(id, "completed");
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(Date.parse(runAt));
  });

  it("is dead after max_attempts, with each attempt's error; retried by hand it runs again", async () => {
    const id = await run.api.enqueue("crawl_page", { url: `${site.origin}/broken` }, { max_attempts: 2 });
    const dead = await run.api.inState(id, "dead");
    expect(dead).toMatchObject({
      attempt: 2,
      max_attempts: 2,
      result: null,
      error: { message: expect.stringContaining("500") },
    });
    expect(
      dead.attempts.map((attempt: { number: number; outcome: string }) => [attempt.number, attempt.outcome]),
    ).toEqual([
      [1, "retry"],
      [2, "dead"],
    ]);
    for (const attempt of dead.attempts) expect(attempt.error.message).toContain("500");

    const retried = await run.api.post(`/jobs/${id}/retry`);
    expect(retried).toMatchObject({ status: 200, body: { id } });
    // Those of the life before are not shown; the first one of this life may have ended already.
    expect(retried.body.attempts.length).toBeLessThan(2);
    expect(await run.api.post(`/jobs/${id}/retry`)).toMatchObject({ status: 409, body: { code: "illegal_state" } });
    await run.api.post(`/jobs/${id}/cancel`);
    expect(await run.api.get(`/jobs/${id}`)).toMatchObject({ status: 200, body: { id } });
  });

  it("is cancelled before it runs; one that completed is not", async () => {
    const id = await run.api.enqueue("send_email", { email: "cancelled@example.com" }, { delay_seconds: 3600 });
    expect(await run.api.post(`/jobs/${id}/cancel`)).toMatchObject({ status: 200, body: { state: "cancelled" } });
    // Sent again, because its answer may have been lost.
    expect(await run.api.post(`/jobs/${id}/cancel`)).toMatchObject({ status: 200, body: { state: "cancelled" } });
    const done = await run.api.enqueue("send_email", { email: "done@example.com" });
    await run.api.inState(done, "completed");
    expect(await run.api.post(`/jobs/${done}/cancel`)).toMatchObject({
      status: 409,
      body: { code: "illegal_state", state: "completed" },
    });
    expect(await run.api.post(`/jobs/0190a000-0000-7000-8000-000000000000/cancel`)).toHaveProperty("status", 404);
  });

  it("is listed by state, type and queue, page by page", async () => {
    expect(await run.api.put("/queues/pages", { types: ["send_email"] })).toHaveProperty("status", 201);
    const ids = [];
    for (const email of ["p1@example.com", "p2@example.com", "p3@example.com"])
      ids.push(await run.api.enqueue("send_email", { email }, { queue: "pages", delay_seconds: 3600 }));
    const first = await run.api.get("/jobs?queue=pages&state=scheduled&limit=2&include=payload");
    const second = await run.api.get(`/jobs?queue=pages&state=scheduled&limit=2&cursor=${first.body.next_cursor}`);
    expect([...first.body.data, ...second.body.data].map((job: { id: string }) => job.id)).toEqual(ids.reverse());
    expect(first.body.data[0].payload).toEqual({ email: "p3@example.com" });
    expect(second.body.data[0]).not.toHaveProperty("payload");
    expect(second.body.next_cursor).toBeNull();
    expect(await run.api.get("/jobs?state=broken")).toMatchObject({ status: 400, body: { code: "invalid_query" } });
  });
});

describe("queues", () => {
  it("holds the jobs of a paused queue until it is resumed", async () => {
    expect(await run.api.post("/queues/reports/pause")).toMatchObject({ status: 200, body: { paused: true } });
    const payload = { from: "2020-01-01T00:00:00Z", to: "2020-01-02T00:00:00Z" };
    const id = await run.api.enqueue("generate_report", payload);
    const other = await run.api.enqueue("send_email", { email: "passing@example.com" });
    await run.api.inState(other, "completed");
    expect((await run.api.get(`/jobs/${id}`)).body.state).toBe("pending");
    expect(await run.api.post("/queues/reports/resume")).toMatchObject({ status: 200, body: { paused: false } });
    await run.api.inState(id, "completed");
  });

  it("takes an operator's limits, and refuses wrong ones", async () => {
    expect(await run.api.put("/queues/crawl", { max_in_flight: 3, max_pending: null })).toMatchObject({
      status: 200,
      body: { name: "crawl", max_in_flight: 3, max_pending: null, retention_days: 30 },
    });
    expect(await run.api.put("/queues/crawl", { max_in_flight: 0, limit: 1 })).toMatchObject({
      status: 422,
      body: { code: "invalid_queue", errors: [{ pointer: "/max_in_flight" }, { pointer: "/limit" }] },
    });
    expect(await run.api.put("/queues/crawl", {})).toMatchObject({ status: 422, body: { code: "invalid_queue" } });
    expect(await run.api.put("/queues/nowhere", { max_in_flight: 3 })).toHaveProperty("status", 404);
    expect((await run.api.get("/queues/crawl")).body).toMatchObject({ max_in_flight: 3 });
  });

  it("lists them with their limits", async () => {
    const { body } = await run.api.get("/queues");
    expect(body.data).toContainEqual(expect.objectContaining({ name: "emails", max_in_flight: 20, paused: false }));
    expect(await run.api.get("/queues/nowhere")).toMatchObject({ status: 404, body: { code: "not_found" } });
  });
});
