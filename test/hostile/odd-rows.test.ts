import { expect, it } from "vitest";
import { queues } from "../../functions/queues.ts";
import { jobs } from "../../functions/registry.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { forgeq, ROOT, temporaryFolder } from "../support/cli/cli.ts";
import { startServer } from "../support/cli/project.ts";
import { SECRET } from "../support/http/http.ts";
import { createTestDatabase } from "../support/database/database.ts";

/** What a row may hold that no function of the protocol stores: SQL by hand, an older version, a restored backup. */
const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const DEEP = nested(5_000);

const LIVE: Record<string, Record<string, unknown>> = {
  "metadata that is a list": { metadata: "[1, 2]" },
  "metadata that is a text": { metadata: '"x"' },
  "metadata that is null": { metadata: "null" },
  "metadata that is nested too deeply": { metadata: `{"a": ${DEEP}}` },
  "a payload that is nested too deeply": { payload: DEEP },
  "a payload of null": { payload: "null" },
  "a payload of 1 MB": { payload: JSON.stringify({ email: "x".repeat(1 << 20) }) },
  "a depth of 30,000": { depth: 30_000 },
  "a negative depth": { depth: -1 },
  "a traceparent with ESC": { traceparent: "\u001b]0;title\u0007" },
  "a unique key with ESC": { unique_key: "\u001b[2J" },
  "an empty unique key": { unique_key: "" },
  "a run_at without end": { run_at: "infinity" },
  "a run_at before time": { run_at: "-infinity" },
  "a created_at without end": { created_at: "infinity" },
  "a priority of its own": { priority: 77 },
  "more attempts than it may have": { attempt: 9, max_attempts: 1 },
  "a type that is unknown": { type: "no_such_type" },
  "a queue that is unknown": { queue: "no_such_queue" },
};

const FINISHED: Record<string, Record<string, unknown>> = {
  ...LIVE,
  "no payload": { payload: null },
  "an error that is a text": { error: '"x"' },
  "an error that is a list": { error: "[1]" },
  "an error of numbers": { error: '{"name": 1, "message": 2, "stack": 3}' },
  "an error that is empty": { error: "{}" },
  "an error that is nested too deeply": { error: `{"name": "x", "message": ${DEEP}}` },
  "a result that is nested too deeply": { result: DEEP, state: "completed" },
  "a result of null": { result: "null", state: "completed" },
};

const insert = async (db: Db, table: string, row: Readonly<Record<string, unknown>>): Promise<void> => {
  const names = Object.keys(row);
  const values = names.map((_name, index) => `$${index + 1}`);
  await db.query(`insert into forgeq.${table} (${names.join(", ")}) values (${values.join(", ")})`, Object.values(row));
};

const setup = async () => {
  const { db, url } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const ids = new Map<string, string>();
  const job = {
    priority: 5,
    max_attempts: 8,
    queue: "emails",
    type: "send_email",
    payload: '{"email": "a@example.com"}',
  };
  for (const [what, odd] of Object.entries(LIVE)) {
    const id = uuidV7();
    ids.set(`live: ${what}`, id);
    await insert(db, "job", { ...job, id, run_at: new Date(), ...odd });
  }
  for (const [what, odd] of Object.entries(FINISHED)) {
    const id = uuidV7();
    ids.set(`finished: ${what}`, id);
    const ended = { id, finished_at: new Date(), created_at: new Date(), state: "dead", life: 1, attempt: 1 };
    await insert(db, "job_history", { ...job, ...ended, ...odd });
    const { error = '{"name": "E", "message": "m"}' } = odd;
    await insert(db, "job_attempt", { job_id: id, life: 1, number: 1, outcome: "odd", ended_at: new Date(), error });
  }
  const running = uuidV7();
  ids.set("running: an odd progress", running);
  await insert(db, "job", { ...job, id: running, run_at: new Date(), claim_id: running, attempt: 1 });
  const from = { created_at: new Date(), began_at: new Date(), expires_at: new Date(Date.now() + 3_600_000) };
  const lease = { id: running, claim_id: running, ordinal: 1, queue: "emails", type: "send_email", begun_by: running };
  const progress = JSON.stringify({ [running]: { fraction: "x", note: [1] } });
  await insert(db, "lease", { ...lease, ...from, job_ids: `{${running}}`, open_jobs: 1, progress });
  return { db, url, ids, env: { DATABASE_URL: url } };
};

const LONG = { timeout: 180_000 };

it("breaks no list and no look at a job over HTTP", LONG, async () => {
  const { ids, env } = await setup();
  const server = await startServer(ROOT, env);
  const { origin } = server;
  const get = async (path: string) => {
    const response = await fetch(origin + path, { headers: { authorization: `Bearer ${SECRET}` } });
    return {
      status: response.status,
      body: (await response.json()) as { data?: { id: string }[]; next_cursor?: string | null },
    };
  };
  for (const include of ["", "&include=payload,result,attempts"]) {
    const listed = new Set<string>();
    for (let cursor = ""; ;) {
      const { status, body } = await get(`/jobs?limit=10${include}${cursor}`);
      expect(status, server.stderr()).toBe(200);
      for (const { id } of body.data ?? []) listed.add(id);
      if (body.next_cursor == null) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    for (const [what, id] of ids) expect(listed, what).toContain(id);
  }
  for (const [what, id] of ids) expect((await get(`/jobs/${id}`)).status, what).toBe(200);
  for (const path of ["/queues", "/metrics", "/schedules"])
    expect((await fetch(origin + path, { headers: { authorization: `Bearer ${SECRET}` } })).status).toBe(200);
});

it("breaks no command", LONG, async () => {
  const { ids, env } = await setup();
  const run = (...args: string[]) => forgeq(args, { env });
  for (const more of [[], ["--json", "--include", "payload", "result", "attempts"]]) {
    const { code, stdout, stderr } = await run("jobs", "list", "--all", ...more);
    expect(code, stderr).toBe(0);
    for (const [what, id] of ids) expect(stdout, what).toContain(id);
  }
  for (const what of [
    "finished: an error of numbers",
    "running: an odd progress",
    "live: metadata that is null",
    "finished: a result that is nested too deeply",
  ])
    expect((await run("jobs", "show", ids.get(what) ?? "")).code, what).toBe(0);
  for (const args of [
    ["queues", "list"],
    ["stats", "--once"],
    ["jobs", "tail", ids.get("finished: an error that is empty") ?? ""],
  ])
    expect((await run(...args)).code, args.join(" ")).toBe(0);
});

it("stops no worker: what can run is run, and the rest ends or waits", LONG, async () => {
  const { db, ids, env } = await setup();
  const mails = temporaryFolder();
  const { code, stderr } = await forgeq(["worker", "--once", "--queue", "emails"], {
    env: { ...env, FORGEQ_DIR: mails },
  });
  expect(code, stderr).toBe(0);
  const left = await db.query<{ id: string }>("select id from forgeq.job where claim_id is null and run_at <= now()");
  const may = [
    "a queue that is unknown",
    "a priority of its own",
    "a type that is unknown",
    "a run_at before time",
  ].map((what) => ids.get(`live: ${what}`));
  expect(left.map(({ id }) => id).filter((id) => !may.includes(id))).toEqual([]);
  // A type without a handler expires, and is tried again elsewhere.
  const open = "select from forgeq.lease where claim_id <> $1 and type <> 'no_such_type'";
  expect(await db.query(open, [ids.get("running: an odd progress")])).toEqual([]);
});
