import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import { forgeq, ROOT, startForgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const TIME_OUT_MS = 90_000;
const MAIL = '{"email":"test@example.com"}';

/** A migrated database with the project's types, and commands on it. */
const setup = async () => {
  const { db, url } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const run = (args: readonly string[], input?: string) =>
    forgeq(args, { env: { DATABASE_URL: url }, ...(input === undefined ? {} : { input }) });
  return { db, url, run };
};

const ndjson = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const live = async (db: Awaited<ReturnType<typeof setup>>["db"]): Promise<number> =>
  (await db.query<{ n: number }>("select count(*)::int as n from forgeq.job"))[0]!.n;

it("exits 2 on a wrong command line, and says what was meant", async () => {
  const [typo, option, value, help] = await Promise.all([
    forgeq(["enqueu"]),
    forgeq(["worker", "--concurency", "3"]),
    forgeq(["worker", "--concurrency", "none"]),
    forgeq(["jobs", "list", "--help"]),
  ]);
  expect(typo).toMatchObject({ code: 2, stdout: "" });
  expect(typo.stderr).toContain("Did you mean enqueue?");
  expect(option).toMatchObject({ code: 2, stdout: "" });
  expect(option.stderr).toContain("--concurrency");
  expect(value).toMatchObject({ code: 2, stdout: "" });
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout.indexOf("Examples:")).toBeLessThan(help.stdout.indexOf("Usage:"));
});

it(
  "writes JSON or NDJSON to stdout and nothing else",
  async () => {
    const { run, url } = await setup();
    const enqueued = await run([
      "enqueue",
      "--type",
      "send_email",
      "--payload",
      MAIL,
      "--priority",
      "2",
      "--unique-key",
      "k",
      "--json",
    ]);
    const { id } = JSON.parse(enqueued.stdout) as { id: string };
    expect(JSON.parse(enqueued.stdout)).toMatchObject({
      type: "send_email",
      queue: "emails",
      state: "pending",
      priority: 2,
      unique_key: "k",
    });
    const again = await run(["enqueue", "--type", "send_email", "--payload", "-", "--unique-key", "k"], MAIL);
    expect(again).toMatchObject({ code: 0, stdout: `${id}\n` });
    const never = await run(["enqueue", "--type", "send_email", "--payload", MAIL, "--run-at", "9999-01-01T00:00:00Z"]);
    expect(never).toMatchObject({ code: 1, stdout: "" });
    expect(never.stderr).toContain("run_at must be finite and at most ten years ahead");
    const line = JSON.stringify({
      type: "send_email",
      payload: JSON.parse(MAIL) as unknown,
      run_at: "9999-01-01T00:00:00Z",
    });
    const file = await run(["enqueue", "--file", "-"], `${line}\n`);
    expect(file).toMatchObject({ code: 1, stdout: "" });
    expect(file.stderr).toContain("line 1: run_at must be finite");
    const [list, show, queueList, stats, doctor, cancel, retry] = [
      await run(["jobs", "list", "--json"]),
      await run(["jobs", "show", id, "--json"]),
      await run(["queues", "list", "--json"]),
      await run(["stats", "--json"]),
      await run(["doctor", "--json"]),
      await run(["jobs", "cancel", id, "--json"]),
      await run(["jobs", "retry", id, "--json"]),
    ];
    expect(ndjson(list.stdout)).toMatchObject([{ id, state: "pending" }]);
    expect(ndjson(show.stdout)).toMatchObject([{ id, payload: { email: "test@example.com" }, attempts: [] }]);
    expect(ndjson(queueList.stdout).map(({ name }) => name)).toEqual(["crawl", "emails", "reports"]);
    expect(ndjson(stats.stdout)[1]).toMatchObject({ name: "emails", jobs: { pending: 1 } });
    // The tests' Postgres runs without fsync, and the doctor sees it.
    expect(doctor.code).toBe(1);
    expect(ndjson(doctor.stdout).filter(({ level }) => level !== "ok")).toMatchObject([
      { check: "durability", level: "problem" },
    ]);
    const armed = await forgeq(["doctor", "--json"], { env: { DATABASE_URL: url, FORGEQ_WAKE: "armed" } });
    expect(ndjson(armed.stdout).find(({ check }) => check === "wakes")).toMatchObject({ level: "warning" });
    expect(ndjson(cancel.stdout)).toMatchObject([{ id, state: "cancelled" }]);
    expect(ndjson(show.stdout)).toMatchObject([{ life: 1 }]);
    expect(ndjson(retry.stdout)).toMatchObject([{ id, state: "pending", life: 2 }]);
    expect(await run(["jobs", "retry", id])).toMatchObject({ code: 1, stdout: "" });
    await run(["jobs", "cancel", id]);
    // What a retry of life 1 has made already: nothing more happens.
    expect(await run(["jobs", "retry", id, "--life", "1"])).toMatchObject({ code: 0 });
    expect((await run(["jobs", "show", id])).stdout).toMatch(/life +2/);
    await run(["jobs", "retry", id]);
    await run(["jobs", "cancel", id]);
    const stale = await run(["jobs", "retry", id, "--life", "1"]);
    expect(stale).toMatchObject({ code: 1, stdout: "" });
    expect(stale.stderr).toContain("the newest life of this job is 3");
    expect((await run(["jobs", "show", id])).stdout).toMatch(/life +3/);
    expect(await run(["jobs", "retry", id, "--life", "0"])).toMatchObject({ code: 2, stdout: "" });
    const set = await run(["queues", "set", "emails", "--max-in-flight", "none", "--json"]);
    expect(ndjson(set.stdout)).toMatchObject([{ name: "emails", max_in_flight: null }]);
    expect(ndjson((await run(["queues", "pause", "emails", "--json"])).stdout)).toMatchObject([{ paused: true }]);
    expect(ndjson((await run(["queues", "resume", "emails", "--json"])).stdout)).toMatchObject([{ paused: false }]);
  },
  TIME_OUT_MS,
);

it("takes flags over the environment over the config file", async () => {
  const folder = temporaryFolder();
  const config = join(folder, "forgeq.config.json");
  const { url, db } = await createTestDatabase();
  writeFileSync(config, JSON.stringify({ databaseUrl: url, limit: 1 }));
  await db.query("insert into forgeq.queue (name) values ('q')");
  await db.query(
    'insert into forgeq.job_type (type, queue, backoff) values (\'t\', \'q\', \'{"type":"fixed","seconds":1,"jitter":"none"}\')',
  );
  await db.query("select forgeq.enqueue('t', '{}'), forgeq.enqueue('t', '{}'), forgeq.enqueue('t', '{}')");
  const file = await forgeq(["jobs", "list", "--json"], { env: { FORGEQ_CONFIG: config } });
  expect(ndjson(file.stdout)).toHaveLength(1);
  const flag = await forgeq(["jobs", "list", "--json", "--limit", "2"], { env: { FORGEQ_CONFIG: config } });
  expect(ndjson(flag.stdout)).toHaveLength(2);
  const env = await forgeq(["jobs", "list"], {
    env: { FORGEQ_CONFIG: config, DATABASE_URL: "postgres://postgres@127.0.0.1:1/none" },
  });
  expect(env).toMatchObject({ code: 1, stdout: "" });
  expect(env.stderr).toContain("the database can't be reached");
});

it(
  "enqueues all lines of a file or none, names a bad one by its number, and counts exactly",
  async () => {
    const { db, run } = await setup();
    const folder = temporaryFolder();
    const line = (n: number, payload = MAIL) =>
      `{"type":"send_email","payload":${payload},"unique_key":"k${n % 2_900}"}`;
    const lines = Array.from({ length: 3_000 }, (_, n) => line(n));
    const bad = join(folder, "bad.ndjson");
    writeFileSync(bad, lines.with(56, line(56, '{"email":"nobody"}')).join("\n"));
    const refused = await run(["enqueue", "--file", bad]);
    expect(refused).toMatchObject({ code: 1, stdout: "0 enqueued, 0 there already, 1 invalid, of 3000 lines\n" });
    expect(refused.stderr).toContain(
      "line 57: The payload does not fit its job type: /payload/email: Invalid email address",
    );
    expect(await live(db)).toBe(0);

    const skipped = await run(["enqueue", "--file", bad, "--skip-invalid", "--json"]);
    expect(JSON.parse(skipped.stdout)).toEqual({ lines: 3000, enqueued: 2899 + 1, existing: 99, invalid: 1 });
    expect(skipped.code).toBe(1);
    expect(await live(db)).toBe(2900);
    const again = await run(["enqueue", "--file", "-", "--json"], lines.join("\n"));
    expect(JSON.parse(again.stdout)).toEqual({ lines: 3000, enqueued: 0, existing: 3000, invalid: 0 });

    await db.query(
      "truncate forgeq.job, forgeq.unique_key; update forgeq.queue set max_pending = 1500 where name = 'emails'",
    );
    const full = await run(["enqueue", "--file", "-"], lines.join("\n"));
    expect(full).toMatchObject({ code: 1, stdout: "" });
    expect(full.stderr).toMatch(/line \d+: queue emails is full.*nothing was enqueued/);
    expect(await live(db)).toBe(0);
  },
  TIME_OUT_MS,
);

it(
  "sends a mail by the three commands of the README, with the embedded Postgres of a folder",
  async () => {
    const folder = temporaryFolder();
    const dir = ["--dir", join(folder, ".forgeq")];
    const server = startForgeq(["server", "--port", "0", "--json", ...dir]);
    const worker = startForgeq(["worker", "--concurrency", "10", ...dir]);
    const enqueued = await forgeq(["enqueue", "--type", "send_email", "--payload", MAIL, "--wait", "--json", ...dir]);
    expect(enqueued.stderr).toContain("completed, attempt 1 of 8");
    expect(enqueued.code).toBe(0);
    expect(JSON.parse(enqueued.stdout)).toMatchObject({ state: "completed" });
    expect(readdirSync(join(folder, ".forgeq", "mail"))).toHaveLength(1);
    const day = JSON.stringify({ from: "2026-01-05T00:00:00Z", to: "2026-01-06T00:00:00Z" });
    const report = await forgeq(["enqueue", "--type", "generate_report", "--payload", day, "--wait", "--json", ...dir]);
    const { id } = JSON.parse(report.stdout) as { id: string };
    expect(readdirSync(join(folder, ".forgeq", "reports"))).toEqual([`report-${id}.csv`]);

    await server.said(/Server ready/);
    const { url } = JSON.parse(server.stdout()) as { url: string };
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: "ok" });
    expect((await fetch(`${url}/jobs`)).status).toBe(401);
    // Refused before its body has come, so that the connection may end first.
    const sendLarge = (authorization: string, otherwise: number) =>
      fetch(`${url}/jobs`, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: "x".repeat(7 * 1024 * 1024),
      }).then(
        ({ status }) => status,
        () => otherwise,
      );
    expect(await sendLarge("", 401)).toBe(401);
    const key = readFileSync(join(folder, ".forgeq", "api-key"), "utf8").trim();
    expect(await sendLarge(`Bearer ${key}`, 413)).toBe(413);
    for (const each of [server, worker]) each.child.kill("SIGTERM");
    expect([(await server.ended).code, (await worker.ended).code]).toEqual([0, 0]);
    expect(existsSync(join(folder, ".forgeq", "pg", "postmaster.pid"))).toBe(false);
  },
  TIME_OUT_MS,
);

it(
  "is found by npx in a clone, with nothing in npm's cache and no registry, and by a Node that is too old",
  () => {
    const folder = temporaryFolder();
    for (const name of ["bin", "lib", "package.json"])
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    mkdirSync(join(folder, "cache"));
    const env = { ...process.env, npm_config_cache: join(folder, "cache"), npm_config_offline: "true" };
    const npx = spawnSync("npx", ["forgeq", "--help"], { cwd: folder, encoding: "utf8", env });
    expect(npx.stdout).toContain("Usage: forgeq [options] [command]");
    expect(npx.status).toBe(0);

    const older =
      'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.19.0"}})';
    const launched = spawnSync(
      process.execPath,
      ["--import", older, join(folder, "bin", "forgeq.js"), "completion", "tcsh"],
      { encoding: "utf8" },
    );
    expect(launched).toMatchObject({ status: 2, stdout: "" });
    expect(launched.stderr).toContain("Allowed choices are bash, zsh, fish");
  },
  TIME_OUT_MS,
);
