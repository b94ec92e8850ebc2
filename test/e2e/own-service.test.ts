import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { defineJob } from "../../lib/job.ts";
import { migrate } from "../../lib/server.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { ADAPTERS } from "../support/docs/adapters.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

/** Installed by .ci/run; without them these tests are left out. */
const TOOLS = join(ROOT, "test", "tools", "orms");
const KEY = "key-of-the-test-that-is-long-enough";

const JOBS = [
  defineJob({ type: "sign_up", payload: z.object({ name: z.string() }) }),
  defineJob({
    type: "beat",
    payload: z.object({}),
    schedules: [{ name: "every-second", cron: "* * * * * *", payload: {} }],
  }),
];

describe.skipIf(!existsSync(join(TOOLS, "node_modules")))("a service of one's own, and its worker", () => {
  const folder = temporaryFolder();
  const children: ChildProcess[] = [];
  let database: TestDatabase;
  let origins: Record<"express" | "fastify" | "hono", string>;

  const start = async (script: string): Promise<string> => {
    const env = { ...process.env, DATABASE_URL: database.url, FORGEQ_API_KEY: KEY };
    const args = [join(TOOLS, script), folder.path];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return line;
  };

  beforeAll(async () => {
    database = await createTestDatabase({ empty: true });
    await migrate({ jobs: JOBS, databaseUrl: database.url });
    await database.db.query("create table account (name text)");
    await database.db.query("create table welcome (name text)");
    writeFileSync(join(folder.path, "package.json"), `{"type": "module"}`);
    symlinkSync(join(TOOLS, "node_modules"), join(folder.path, "node_modules"));
    for (const { file, text } of ADAPTERS) writeFileSync(join(folder.path, file), text);
    origins = JSON.parse(await start("service.mjs")) as typeof origins;
  });
  afterAll(async () => {
    const ended = children.map(async (child) => {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      return (await exit)[0] as number;
    });
    expect(await Promise.all(ended)).toEqual(children.map(() => 0));
    await database.drop();
    folder.remove();
  });

  it.each(["express", "fastify", "hono"] as const)(
    "has the API and the dashboard below its prefix: %s",
    async (name) => {
      const ask = (path: string, init: RequestInit = {}) =>
        fetch(origins[name] + path, {
          ...init,
          headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
        });
      const body = JSON.stringify({ type: "sign_up", payload: { name }, delay_seconds: 3600 });
      const stored = await ask("/queue/jobs", { method: "POST", body });
      expect([stored.status, stored.headers.get("location")]).toEqual([201, expect.stringMatching(/^\/queue\/jobs\//)]);
      const read = await ask(stored.headers.get("location")!);
      expect(await read.json()).toMatchObject({ state: "scheduled", payload: { name } });
      expect((await fetch(`${origins[name]}/queue/jobs`)).status).toBe(401);
      expect((await ask("/queue/dashboard")).headers.get("content-type")).toContain("text/html");
    },
  );

  it("enqueues in transactions of Drizzle, Kysely and postgres.js; its worker runs the jobs, and fires a schedule without a server", async () => {
    const libraries = ["drizzle", "kysely", "postgres.js"];
    const signUp = async (library: string): Promise<string> => {
      const answer = await fetch(`${origins.express}/sign-up/${library}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: library }),
      });
      return ((await answer.json()) as { id: string }).id;
    };
    const ids: string[] = [];
    for (const library of libraries) ids.push(await signUp(library));
    expect(await start("worker.mjs")).toBe("ready");

    const states = "select state::text, result from forgeq.jobs where id = any ($1::uuid[]) order by id";
    await vi.waitFor(
      async () =>
        expect(await database.db.query(states, [ids])).toEqual(
          libraries.map((welcomed) => ({ state: "completed", result: { welcomed } })),
        ),
      60_000,
    );
    expect(await database.db.query("select name from welcome order by name")).toEqual(
      libraries.map((name) => ({ name })),
    );
    const beats = "select 1 from forgeq.jobs where type = 'beat' and state = 'completed'";
    await vi.waitFor(async () => expect((await database.db.query(beats)).length).toBeGreaterThan(0), 90_000);
  });
});
