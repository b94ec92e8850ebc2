import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import pg from "pg";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "../../support/cli/cli.ts";

vi.setConfig({ testTimeout: 120_000 });

const LIBRARY = resolve("lib");

const SETUP = `
import { defineJob, lambdaHandler } from "${LIBRARY}/job.ts";
import { testQueue } from "${LIBRARY}/testing.ts";
import * as z from "${resolve("node_modules/zod/index.js")}";
const greet = defineJob({ type: "greet", payload: z.object({ name: z.string() }) });
const greeter = lambdaHandler(greet, async ({ name }) => "Hello " + name);
`;

const TESTS = `${SETUP}
import assert from "node:assert/strict";
import { test } from "node:test";
for (const name of ["Ada", "Bob"])
  test("greets " + name, async (t) => {
    const queue = await testQueue({ handlers: [greeter] });
    t.after(() => queue.close());
    const id = await queue.enqueue(greet, { name });
    assert.deepEqual(await queue.drain(), { completed: 1 });
    assert.equal((await queue.job(id)).result, "Hello " + name);
  });
`;

const KILLED = `${SETUP}
const queue = await testQueue({ handlers: [greeter] });
console.log(queue.url);
setInterval(() => undefined, 1000);
`;

/** Whether the server of the tests in this folder runs. */
const usersOf = (folder: string): unknown[] => {
  const file = join(folder, ".forgeq/test/postgres.users");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { users: unknown[] }).users : [];
};

it("works with node:test on one embedded Postgres for all files, which ends with the last of them", async () => {
  const folder = temporaryFolder();
  for (const name of ["one", "two"]) writeFileSync(join(folder, `${name}.test.mjs`), TESTS);
  const { stdout } = await promisify(execFile)(process.execPath, ["--test"], { cwd: folder });
  expect(stdout).toMatch(/pass 4\b/);
  await vi.waitFor(() => expect(usersOf(folder)).toEqual([]), 60_000);
});

it("leaves no server behind when the tests are killed, and their databases go with the next run", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "killed.mjs"), KILLED);
  const start = async () => {
    const child = spawn(process.execPath, ["killed.mjs"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return { child, url };
  };
  const first = await start();
  expect(usersOf(folder)).toHaveLength(1);
  first.child.kill("SIGKILL");
  await vi.waitFor(() => expect(usersOf(folder)).toEqual([]), 60_000);

  const second = await start();
  const client = new pg.Client({ connectionString: second.url });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    "select datname from pg_database where starts_with(datname, 'forgeq_test_')",
  );
  await client.end();
  expect(rows.map(({ datname }) => datname)).toEqual([new URL(second.url).pathname.slice(1)]);
  second.child.kill("SIGKILL");
  await vi.waitFor(() => expect(usersOf(folder)).toEqual([]), 60_000);
});
