import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { createHandler } from "../../functions/api.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../lib/db/protocol/enqueue.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import { jsonLogger } from "../../lib/logger.ts";
import { forgeq, startForgeq } from "../support/cli/cli.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { ALL_SCOPES, send } from "../support/http/http.ts";
import { httpDeps } from "../support/http/http-deps.ts";
import { startMailServer } from "../support/servers/mail-server.ts";
import { buildHandlers, startProcesses } from "../support/cli/processes.ts";
import { makeHandlersProject, startServer } from "../support/cli/project.ts";

// Generous: the machine may be busy.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const SOON = { timeout: 75_000, interval: 250 };

/** In everything that no log may show, with a word on what it was. */
const CANARY = "c4n4ry";
const API_KEY = `${CANARY}-api-key-of-this-test`;

const ACTS = ["return", "return_too_much", "return_what_is_no_json", "throw", "bury", "time_out"];
const ENDS = { return: "completed", return_too_much: "completed", return_what_is_no_json: "completed" };

const job = (act: string) => ({
  type: "leaky",
  payload: { act, secret: `${CANARY}-payload` },
  metadata: { customer: `${CANARY}-metadata` },
  unique_key: `${CANARY}-unique-key-${act}`,
});

type Post = (body: unknown, key?: string) => Promise<number>;

/** Jobs with canaries everywhere, and requests that are refused because of theirs. */
const postAll = async (post: Post, acts: readonly string[]): Promise<void> => {
  for (const act of acts) expect(await post(job(act))).toBe(201);
  expect(await post({ type: "leaky", payload: { act: `${CANARY}-act`, secret: 1 } })).toBe(422);
  expect(await post({ ...job("return"), unique_key: null, [`${CANARY}-field`]: 1 })).toBe(422);
  expect(await post({ type: `${CANARY.replaceAll("4", "a")}`, payload: `${CANARY}-payload` })).toBe(422);
  expect(await post(`{"type": "${CANARY}-malformed`)).toBe(400);
  expect(await post(job("return"), `${CANARY}-wrong-key`)).toBe(401);
};

/** A payload that no longer fits its schema, as an older version may have stored it. */
const storeUnfit = (db: Db) =>
  enqueueMany(
    db,
    [{ id: uuidV7(), type: "leaky", payload: { act: `${CANARY}-act`, secret: [`${CANARY}-payload`] } }],
    true,
    null,
  );

/** Waits until all have ended, and checks that the canaries are where they belong. */
const untilEnded = async (db: Db, jobs: number): Promise<void> => {
  const ended = async () =>
    db.query<{ act: string; state: string; stored: string }>(
      `select payload ->> 'act' as act, state::text, concat(payload, metadata, result, error,
         (select string_agg(error::text, '') from forgeq.job_attempt a where a.job_id = h.id)) as stored
       from forgeq.job_history h where type = 'leaky'`,
    );
  await expect.poll(async () => (await ended()).length, SOON).toBe(jobs);
  for (const { act, state, stored } of await ended()) {
    expect([act, state]).toEqual([act, act in ENDS ? "completed" : "dead"]);
    expect(stored).toContain(`${CANARY}-payload`);
    if (act === "return") expect(stored).toContain(`${CANARY}-payload-result`);
    if (act === "throw" || act === "bury") expect(stored).toContain(`${CANARY}-payload-message`);
  }
};

/** Lines with a canary: none. And the lines that must be there are. */
const expectSilent = (lines: readonly string[], wanted: readonly string[]): void => {
  expect(lines.filter((line) => line.includes(CANARY))).toEqual([]);
  for (const text of wanted) expect(lines.join("\n")).toContain(text);
};

const OUTCOMES = ["an attempt ended", "an attempt failed", "a job is dead", "the result was not kept"];

const withPassword = (url: string): string => url.replace(/\/\/(\w+)@/, `//$1:${CANARY}-database-password@`);

let handlers: Awaited<ReturnType<typeof buildHandlers>>;
beforeAll(async () => {
  handlers = await buildHandlers();
});
afterAll(() => handlers?.remove());

it("no canary shows in the functions' logs", async () => {
  const { db, http, log, invoker } = await startProcesses({
    handlers: handlers.path,
    concurrency: 2,
    faults: (_, nth) => (nth === 1 ? { throttle: true } : undefined),
    env: (url) => ({
      DATABASE_URL: withPassword(url),
      FORGEQ_API_KEY: API_KEY,
      SMTP_URL: `smtp://user:${CANARY}-smtp-password@127.0.0.1:1`,
      FORGEQ_LOG_LEVEL: "debug",
      POWERTOOLS_METRICS_DISABLED: "false",
    }),
  });
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  await storeUnfit(db);
  await postAll(
    async (body, key = API_KEY) => (await http("enqueue", { path: "/jobs", body, headers: as(key) })).status,
    [...ACTS, "exit"],
  );
  await untilEnded(db, ACTS.length + 2);
  const list = await http("api", { path: "/jobs", query: "include=payload,result,attempts", headers: as(API_KEY) });
  expect(list.text).toContain(`${CANARY}-payload`);
  await invoker.close();
  expectSilent(log, [
    ...OUTCOMES,
    "an invocation failed",
    "an invoke was refused",
    "a handler's own words",
    '"error":"TypeError"',
    "JobsDead",
  ]);
});

it("no canary shows in what server and worker say", async () => {
  const { db, url } = await createTestDatabase();
  const mails = await startMailServer({
    disabledCommands: ["STARTTLS"],
    onAuth: ({ password }, _, callback) => callback(new Error(`${password} is wrong`)),
  });
  onTestFinished(() => mails.close());
  const cwd = await makeHandlersProject(db);
  const env = {
    DATABASE_URL: withPassword(url),
    FORGEQ_API_KEY: API_KEY,
    FORGEQ_LOG_LEVEL: "debug",
    SMTP_URL: mails.url.replace("//", `//user:${CANARY}-smtp-password@`),
    MAIL_FROM: "jobs@example.com",
  };
  const server = await startServer(cwd, env);
  await storeUnfit(db);
  await postAll(
    async (body, key = API_KEY) => (await server.post("/jobs", body, { authorization: `Bearer ${key}` })).status,
    ACTS,
  );
  await server.post("/jobs", {
    type: "send_email",
    payload: { email: "a@example.com", body: CANARY },
    max_attempts: 1,
  });
  const workers = [["--once"], ["--once", "--json"]].map((flags) =>
    startForgeq(["worker", "--concurrency", "2", ...flags], { cwd, env }),
  );
  await untilEnded(db, ACTS.length + 1);
  const said = (await Promise.all(workers.map(({ ended }) => ended))).flatMap(({ stdout, stderr }) => [stdout, stderr]);
  expect(
    await db.query("select state, error ->> 'message' as message from forgeq.job_history where type = 'send_email'"),
  ).toEqual([{ state: "dead", message: expect.stringContaining(`${CANARY}-smtp-password is wrong`) }]);
  server.child.kill("SIGTERM");
  const { stdout, stderr } = await server.ended;
  expectSilent([...said, stdout, stderr].join("\n").split("\n"), [...OUTCOMES, "a handler's own words"]);
});

it("no canary shows where the database is away", async () => {
  const url = `postgres://user:${CANARY}-database-password@127.0.0.1:1/${CANARY}-database`;
  const lines: string[] = [];
  const db = await connectDb({ url });
  const deps = { ...httpDeps(db), logger: jsonLogger("debug", (line) => lines.push(line)) };
  expect(await send(createHandler(deps, ALL_SCOPES), { path: "/jobs" })).toMatchObject({ status: 503 });
  await db.close();
  const { code, stdout, stderr } = await forgeq(["jobs", "list"], { env: { DATABASE_URL: url } });
  expect(code).toBe(1);
  expectSilent([...lines, stdout, stderr], ["the database can't be reached", "ECONNREFUSED"]);
});
