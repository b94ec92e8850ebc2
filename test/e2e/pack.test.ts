import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const folder = temporaryFolder();
const app = join(folder.path, "app");
let database: TestDatabase;

const run = async (command: string, args: readonly string[], cwd: string, more: Record<string, string> = {}) =>
  promisify(execFile)(command, args, { cwd, env: { ...process.env, ...more } });

/** The package's own dependencies, from here: what npm would install beside it, without the network. */
const linkDependencies = (): void => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of [...Object.keys(dependencies), "@types/pg", "@types/node"]) {
    const link = join(app, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
};

beforeAll(async () => {
  database = await createTestDatabase({ empty: true });
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder.path], ROOT);
  const installed = join(app, "node_modules", "forgeq");
  mkdirSync(installed, { recursive: true });
  await run(
    "tar",
    ["-xzf", join(folder.path, stdout.trim().split("\n").at(-1)!), "--strip-components=1", "-C", installed],
    app,
  );
  linkDependencies();
  mkdirSync(join(app, "node_modules", ".bin"));
  symlinkSync("../forgeq/bin/forgeq.js", join(app, "node_modules", ".bin", "forgeq"));
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", type: "module" }));
});

afterAll(async () => {
  await database?.drop();
  folder.remove();
});

const APP = `
import pg from "pg";
import * as z from "zod";
import { enqueue } from "forgeq";
import { countHistoryPage, defineJob } from "forgeq/job";

const sendEmail = defineJob({ type: "send_email", queue: "emails", payload: z.object({ email: z.email() }) });
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const signUp = async (email: string, end: "commit" | "rollback"): Promise<string> => {
  await client.query("begin");
  await client.query("insert into account (email) values ($1)", [email]);
  const { id, created, wake } = await enqueue(client, sendEmail, { email }, { priority: 2 });
  await client.query(end);
  if (created && end === "commit") await wake();
  return id;
};
await client.query("create table account (email text)");
const ids = [await signUp("kept@example.com", "commit"), await signUp("gone@example.com", "rollback")];
const refused = await enqueue(client, sendEmail, { email: "nobody" }).catch((error: { code: string }) => error.code);
const finished = { from: new Date("2026-01-05"), to: new Date("2026-01-06"), after: null, pageRows: 10 };
const { counts } = await countHistoryPage(client, finished);
console.log(JSON.stringify({ ids, refused, counts }));
await client.end();
`;

const WRONG = `
import { enqueue } from "forgeq";
import { defineJob } from "forgeq/job";
import * as z from "zod";
const job = defineJob({ type: "typed", payload: z.object({ email: z.string() }) });
// @ts-expect-error -- the payload is typed
void enqueue({ query: async () => ({ rows: [] }) }, job, { mail: "a@example.com" });
`;

it("holds what its exports, its command and the migrations need, and no source, test or secret", () => {
  const installed = join(app, "node_modules", "forgeq");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    exports: Record<string, string | { types: string; default: string }>;
    bin: Record<string, string>;
  };
  expect(Object.keys(manifest.exports)).toEqual(expect.arrayContaining([".", "./job"]));
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? target : Object.values(target),
  );
  for (const target of [...targets, ...Object.values(manifest.bin)])
    expect({ [target]: existsSync(join(installed, target)) }).toEqual({ [target]: true });
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  expect(files.filter((file) => /^(test|functions|bench|\.forgeq)|\.env|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  expect(readdirSync(join(installed, "migrations"))).toEqual(readdirSync(join(ROOT, "migrations")));
});

it("migrates a database, and enqueues a typed job inside the application's own transaction", async () => {
  const env = { DATABASE_URL: database.url };
  const migrated = await run("npx", ["--no-install", "forgeq", "migrate"], app, env);
  expect(migrated.stdout).toContain("0001_tables.sql");
  expect((await run("npx", ["--no-install", "forgeq", "migrate"], app, env)).stdout).toBe("");
  await database.db.query("insert into forgeq.queue (name) values ('emails')");
  await database.db.query(
    `insert into forgeq.job_type (type, queue, backoff) values ('send_email', 'emails', '{"type": "fixed", "seconds": 1, "jitter": "none"}')`,
  );

  writeFileSync(join(app, "app.ts"), APP);
  const { stdout } = await run(process.execPath, ["app.ts"], app, env);
  const { ids, refused, counts } = JSON.parse(stdout) as { ids: string[]; refused: string; counts: unknown[] };
  expect(await database.db.query("select email from account")).toEqual([{ email: "kept@example.com" }]);
  expect(await database.db.query("select id, type, queue, priority, payload from forgeq.job")).toEqual([
    { id: ids[0], type: "send_email", queue: "emails", priority: 2, payload: { email: "kept@example.com" } },
  ]);
  expect(refused).toBe("invalid_payload");
  expect(counts).toEqual([]);
});

it("gives the application types that hold", async () => {
  writeFileSync(join(app, "app.ts"), APP);
  writeFileSync(join(app, "wrong.ts"), WRONG);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: "NodeNext",
    target: "ES2024",
    lib: ["ES2024", "ESNext.Disposable", "DOM"],
    types: ["node"],
    exactOptionalPropertyTypes: true,
  };
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const checked = await run(process.execPath, [tsc, "-p", "."], app).catch((error: { stdout: string }) => error);
  expect(checked.stdout).toBe("");
});
