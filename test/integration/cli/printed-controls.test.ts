import { expect, it } from "vitest";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { emails } from "../../../functions/queues.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";

/** A title, a cleared screen, a clipboard, the same in C1, DEL, and text that runs backwards. */
const HOSTILE =
  "\u001b]0;title\u0007\u001b[2J\u001b]52;c;aGk=\u0007 \u009b2J\u009d0;x\u009c \u007f \u202egnp\u2066 \r\t\u2028\u001b[8mhidden";
const SHOWN = String.raw`\u001b]0;title\u0007\u001b[2J\u001b]52;c;aGk=\u0007 \u009b2J\u009d0;x\u009c \u007f \u202egnp`;

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const setup = async () => {
  const { db, url } = await createTestDatabase();
  await syncDefinitions(db, [sendEmail], [emails]);
  const [running, dead] = [uuidV7(), uuidV7()];
  const error = JSON.stringify({ name: HOSTILE, message: HOSTILE, stack: `Error: ${HOSTILE}\n    at ${HOSTILE}` });
  const value = JSON.stringify({ [HOSTILE]: HOSTILE });
  await db.query(
    `insert into forgeq.job (id, run_at, priority, max_attempts, attempt, claim_id, queue, type, unique_key, metadata, payload)
     values ($1, now(), 5, 8, 1, $1::uuid, 'emails', 'send_email', $2, $3::text::jsonb, $3::text::json)`,
    [running, HOSTILE, value],
  );
  await db.query(
    `insert into forgeq.lease (id, claim_id, ordinal, queue, type, job_ids, open_jobs, created_at, expires_at, began_at, begun_by, progress)
     values ($1, $1, 1, 'emails', 'send_email', array[$1::uuid], 1, now(), now() + interval '1 hour', now(), $1, $2)`,
    [running, JSON.stringify({ [running]: { fraction: 0.5, note: HOSTILE } })],
  );
  await db.query(
    `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, queue, type, unique_key, metadata, payload,
       result, error)
     values ($1, now(), now(), 'dead', 1, 5, 1, 1, 'emails', 'send_email', $2, $3::text::jsonb, $3::text::json, $3::text::jsonb, $4)`,
    [dead, HOSTILE, value, error],
  );
  await db.query(
    `insert into forgeq.job_attempt (job_id, life, number, outcome, began_at, ended_at, error, queue, type)
     values ($1, 1, 1, $2, now(), now(), $3, 'emails', 'send_email')`,
    [dead, HOSTILE, error],
  );
  await db.query("update forgeq.queue set paused = true, paused_at = now(), pause_reason = $1 where name = 'emails'", [
    HOSTILE,
  ]);
  await db.query(
    `insert into forgeq.api_key (id, sha256, scopes, label, created_by, created_at) values ('fq_0123456789ab', repeat('0', 64), '{jobs:read}', $1, $1, now())`,
    [HOSTILE],
  );
  await db.query(
    `insert into forgeq.type_block (type, since, probe_at, reason) values ('send_email', now() - interval '1 hour', now() + interval '1 hour', $1::text::jsonb)`,
    [error],
  );
  await db.query(
    `insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until) values ('odd', $1, $2, $2, $2, $3::jsonb, now())`,
    [uuidV7(), HOSTILE, value],
  );
  return {
    running,
    dead,
    run: (args: readonly string[], env = {}) => forgeq(args, { env: { DATABASE_URL: url, ...env } }),
  };
};

it("escapes control characters of whatever was stored, in all that it prints", { timeout: 120_000 }, async () => {
  const { running, dead, run } = await setup();
  const commands: Record<string, { readonly args: readonly string[]; readonly shows?: boolean }> = {
    list: { args: ["jobs", "list"], shows: true },
    "list --json": { args: ["jobs", "list", "--json", "--include", "payload", "result", "attempts"], shows: true },
    "show of a running one": { args: ["jobs", "show", running], shows: true },
    "show of a dead one": { args: ["jobs", "show", dead], shows: true },
    "show --json": { args: ["jobs", "show", dead, "--json"], shows: true },
    tail: { args: ["jobs", "tail", dead], shows: true },
    "tail --json": { args: ["jobs", "tail", dead, "--json"], shows: true },
    cancel: { args: ["jobs", "cancel", dead] },
    "retry of a name": { args: ["jobs", "retry", HOSTILE] },
    errors: { args: ["errors"], shows: true },
    "errors --json": { args: ["errors", "--json"], shows: true },
    "a preview of many": { args: ["jobs", "bulk", "retry", "--state", "dead", "--dry-run"], shows: true },
    "many, by a name": { args: ["jobs", "bulk", "retry", "--error", HOSTILE, "--dry-run"] },
    keys: { args: ["keys", "list"], shows: true },
    "keys --json": { args: ["keys", "list", "--json"], shows: true },
    "no key": { args: ["keys", "revoke", HOSTILE] },
    clone: { args: ["jobs", "clone", dead, "--json"] },
    "stats of an hour": { args: ["stats", "--window", "1h"] },
    queues: { args: ["queues", "list"] },
    "queues --json": { args: ["queues", "list", "--json"], shows: true },
    "no queue": { args: ["queues", "pause", HOSTILE], shows: true },
    schedules: { args: ["schedules", "list"], shows: true },
    "a schedule": { args: ["schedules", "show", "odd"] },
    "no schedule": { args: ["schedules", "show", HOSTILE], shows: true },
    stats: { args: ["stats", "--once"] },
    doctor: { args: ["doctor"] },
  };
  for (const [name, { args, shows = false }] of Object.entries(commands)) {
    const { stdout, stderr } = await run(args);
    expect(stdout + stderr, name).not.toMatch(CONTROL);
    if (shows) expect(stdout + stderr, name).toContain(SHOWN.slice(0, 40));
  }
  const coloured = await run(["jobs", "show", dead], { NO_COLOR: "", FORCE_COLOR: "1" });
  // eslint-disable-next-line no-control-regex
  expect(coloured.stdout.replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(CONTROL);
  expect(coloured.stdout).toContain(SHOWN);
  const [json] = (await run(["jobs", "show", dead, "--json"])).stdout.split("\n");
  expect(JSON.parse(json ?? "")).toMatchObject({ unique_key: HOSTILE, payload: { [HOSTILE]: HOSTILE } });
});

it("refuses control characters in a unique key with the words of the API", { timeout: 60_000 }, async () => {
  const { run } = await setup();
  const args = [
    "enqueue",
    "--type",
    "send_email",
    "--payload",
    '{"email":"a@example.com"}',
    "--unique-key",
    "a\u001b[2J",
  ];
  expect(await run(args)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("/unique_key: must not have control characters"),
  });
});
