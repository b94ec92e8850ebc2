/** On the embedded database each command works as the role that is enough for it; what is left to the owner is named here. */
import type { Command } from "commander";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createProgram } from "../../../lib/cli/program.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { localLogin } from "../../../lib/local/local-logins.ts";
import { sharePostgres } from "../../../lib/local/shared-postgres.ts";
import { forgeq, ROOT, temporaryFolder } from "../../support/cli/cli.ts";

const TIME_OUT_MS = 180_000;

const MAIL = ["--type", "send_email", "--payload", '{"email":"a@example.com"}'];
const LATER = ["--delay", "1h"];

/** Its arguments, and as whom it works; `ID` is a job that waits, `DEAD` one that has ended. */
type Row = readonly [part: "owner" | "api" | "enqueue" | "read" | "server" | "worker", ...args: string[]];

const ROWS: Record<string, readonly Row[]> = {
  enqueue: [
    ["enqueue", ...MAIL],
    ["enqueue", "--file", "FILE"],
  ],
  worker: [["worker", "--once"]],
  "jobs list": [["read"]],
  "jobs show": [["read", "ID"]],
  "jobs tail": [["read", "DEAD"]],
  "jobs cancel": [["api", "DEAD"]],
  "jobs retry": [["api", "DEAD"]],
  "jobs reschedule": [["api", "ID", "--run-at", "2030-01-01T00:00:00Z"]],
  "jobs clone": [["api", "ID"]],
  "jobs delete": [["api", "DEAD"]],
  "jobs bulk retry": [["api", "--all"]],
  "jobs bulk cancel": [["api", "--type", "crawl_page"]],
  "jobs bulk delete": [["api", "--state", "dead"]],
  "jobs bulk reschedule": [["api", "--type", "crawl_page", "--run-at", "2030-01-01T00:00:00Z"]],
  "queues list": [["read"]],
  "queues pause": [["api", "crawl"]],
  "queues resume": [["api", "crawl"]],
  "queues set": [["api", "crawl", "--max-in-flight", "3"]],
  "queues reset": [["api", "crawl"]],
  "queues delete": [["api", "crawl"]],
  "schedules create": [["api", "daily", "--cron", "@daily", ...MAIL]],
  "schedules list": [["read"]],
  "schedules show": [["read", "daily"]],
  "schedules update": [["api", "daily", "--cron", "@hourly"]],
  "schedules pause": [["api", "daily"]],
  "schedules resume": [["api", "daily"]],
  "schedules trigger": [["api", "daily"]],
  "schedules delete": [["api", "daily"]],
  // Whoever makes a key gives rights away.
  "keys create": [["owner", "ci", "--scopes", "jobs:read"]],
  "keys list": [["owner"]],
  "keys revoke": [["owner", "fq_0123456789ab"]],
  stats: [
    ["read", "--once"],
    ["read", "--window", "1h"],
  ],
  errors: [["read"]],
  migrate: [["owner"]],
  doctor: [["owner"]],
};

/** They stay, start another command, or use no database. */
const OTHERS: Record<string, string> = {
  server: "test/integration/cli/private-database.test.ts",
  dev: "it starts server and worker",
  dashboard: "no database",
  init: "no database",
  "add job": "no database",
  id: "no database",
  "schedules preview": "no database",
  completion: "no database",
  build: "no database",
  template: "no database",
};

const leaves = (command: Command, path: readonly string[] = []): string[] =>
  command.commands.length === 0
    ? [path.join(" ")]
    : command.commands.flatMap((each) => leaves(each, [...path, each.name()]));

const setup = async () => {
  const folder = temporaryFolder();
  const dir = join(folder, ".forgeq");
  const postgres = await sharePostgres(dir);
  const owner = await connectDb({ url: postgres.url, max: 1 });
  onTestFinished(async () => {
    await owner.close();
    await postgres.leave();
  });
  const run = (...args: string[]) => forgeq(args, { cwd: ROOT, env: { FORGEQ_DIR: dir } });
  return { folder, dir, postgres, owner, run };
};

it("has a row for each command", () => {
  expect(leaves(createProgram()).sort()).toEqual([...Object.keys(ROWS), ...Object.keys(OTHERS)].sort());
});

it("each command connects as the role of its part, and does its work as it", { timeout: TIME_OUT_MS }, async () => {
  const s = await setup();
  expect(await s.run("migrate")).toMatchObject({ code: 0 });
  await localLogin({ url: s.postgres.url }, "read");
  await s.owner.query("alter system set log_connections = 'authorization'");
  await s.owner.query("select pg_reload_conf()");
  const store = async (...args: string[]) => (await s.run("enqueue", ...MAIL, ...args)).stdout.trim();
  const ids: Record<string, string> = { ID: await store(...LATER), DEAD: await store(...LATER) };
  expect(await s.run("jobs", "cancel", ids["DEAD"]!)).toMatchObject({ code: 0 });
  const file = join(s.folder, "jobs.jsonl");
  writeFileSync(file, '{"type":"send_email","payload":{"email":"a@example.com"}}\n');
  const log = (): string => readFileSync(join(s.dir, "postgres.log"), "utf8");

  const seen: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  for (const [command, rows] of Object.entries(ROWS)) {
    for (const [part, ...args] of rows) {
      const before = log().length;
      const given = args.map((arg) => ids[arg] ?? arg.replace("FILE", file));
      const { stderr } = await s.run(...command.split(" "), ...given);
      const users = [
        ...log()
          .slice(before)
          .matchAll(/connection authorized: user=(\w+)/g),
      ].map(([, user]) => user);
      const name = [command, ...args].join(" ");
      seen[name] = { last: users.at(-1), refused: /permission denied/.test(stderr) ? stderr : null };
      expected[name] = { last: part === "owner" ? "postgres" : `forgeq_local_${part}`, refused: null };
    }
  }
  expect(seen).toEqual(expected);
});

it("makes its logins where they are missing or changed, and writes nothing where they are there", async () => {
  const { postgres, owner, run } = await setup();
  const options = { url: postgres.url };
  expect(await run("migrate")).toMatchObject({ code: 0 });
  const written = () => owner.query("select rolname, xmin::text from pg_authid order by 1");
  const works = async (url: string) => {
    const db = await connectDb({ url, max: 1 });
    await db.query("select from forgeq.jobs").finally(() => db.close());
  };
  const url = await localLogin(options, "read");
  await works(url);
  const before = await written();
  expect(await localLogin(options, "read")).toBe(url);
  expect(await written()).toEqual(before);
  for (const change of [
    "drop role forgeq_local_read",
    "revoke forgeq_read from forgeq_local_read",
    "alter role forgeq_local_read password 'x'",
  ]) {
    await owner.query(change);
    expect(await localLogin(options, "read")).toBe(url);
    await works(url);
  }
}, 60_000);
