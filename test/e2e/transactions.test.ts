import { execFile } from "node:child_process";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { defineJob } from "../../lib/job.ts";
import { startNeon } from "../../lib/local/neon.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { ADAPTERS } from "../support/docs/adapters.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const LIBRARIES = [
  "pg",
  "neon",
  "postgres.js",
  "drizzle over pg",
  "drizzle over postgres.js",
  "kysely",
  "typeorm",
  "knex",
];

/** Installed by .ci/run; without them these tests are left out. */
const TOOLS = join(ROOT, "test", "tools", "orms", "node_modules");

const run = async (command: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(command, args, { cwd });

describe.skipIf(!existsSync(TOOLS))("enqueue in a transaction of a library", () => {
  const folder = temporaryFolder();
  let database: TestDatabase;
  let found: Record<string, unknown> = {};

  beforeAll(async () => {
    database = await createTestDatabase();
    const greet = defineJob({ type: "greet", payload: z.object({}) });
    await syncDefinitions(database.db, [greet], []);
    await database.db.query("create table account (name text)");
    writeFileSync(join(folder.path, "package.json"), `{"type": "module"}`);
    symlinkSync(TOOLS, join(folder.path, "node_modules"));
    for (const { file, text } of ADAPTERS) writeFileSync(join(folder.path, file), text);
    const { hostname, port } = new URL(database.url);
    const neon = await startNeon({ host: hostname, port: Number(port) });
    try {
      const args = [join(ROOT, "test/tools/orms/prove.mjs"), database.url, folder.path, neon.wsProxy];
      found = JSON.parse((await run(process.execPath, args, folder.path)).stdout) as typeof found;
    } finally {
      await neon.close();
    }
  });
  afterAll(async () => {
    await database?.drop();
    folder.remove();
  });

  it("is proven for each library of the page but Prisma", () => {
    expect(Object.keys(found)).toEqual(LIBRARIES);
    expect(ADAPTERS.map(({ file }) => file)).toEqual(
      ["postgres-js", "drizzle", "kysely", "knex", "prisma"].map((name) => `for-${name}.ts`),
    );
  });

  it.each(LIBRARIES)("commits and rolls back with it, and says why a job is refused: %s", async (name) => {
    expect(found[name]).toEqual({ undone: "rolled back", refused: "unknown_type" });
    const rows = await database.db.query<{ name: string }>("select name from account where name like $1", [`${name}%`]);
    expect(rows.filter((row) => row.name.startsWith(`${name} `))).toEqual([{ name: `${name} kept` }]);
    const kept = `${name} kept`;
    const job = {
      payload: { name: kept, tags: ['a "b"', "c\\d,{}", "é 🎉"] },
      metadata: { by: kept, nested: { n: 1 } },
    };
    expect(
      await database.db.query(
        `select payload, metadata, priority, unique_key as "uniqueKey" from forgeq.job
         where payload ->> 'name' in ($1, $2) order by unique_key nulls first`,
        [kept, `${name} gone`],
      ),
    ).toEqual([
      { ...job, priority: 2, uniqueKey: null },
      { ...job, priority: 5, uniqueKey: kept },
    ]);
  });

  it("is typed: each adapter compiles with the types of its library, and gives what enqueue takes", async () => {
    writeFileSync(
      join(folder.path, "use.ts"),
      `import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { Knex } from "knex";
import type { Transaction } from "kysely";
import type { Pool, PoolClient } from "pg";
import type { TransactionSql } from "postgres";
import type { EntityManager } from "typeorm";
import type { PoolClient as NeonClient } from "@neondatabase/serverless";
interface Queryable { query(text: string, params?: unknown[]): Promise<unknown> }
import { forDrizzle } from "./for-drizzle.ts";
import { forKnex } from "./for-knex.ts";
import { forKysely } from "./for-kysely.ts";
import { forPostgresJs } from "./for-postgres-js.ts";
import { forPrisma } from "./for-prisma.ts";
type Drizzle = Parameters<Parameters<NodePgDatabase["transaction"]>[0]>[0];
interface Prisma { $queryRawUnsafe<T = unknown>(query: string, ...values: any[]): Promise<T> }
export const asItIs = (pg: PoolClient, pool: Pool, neon: NeonClient, manager: EntityManager): Queryable[] => [pg, pool, neon, manager];
export const adapted = (d: Drizzle, k: Knex.Transaction, y: Transaction<{ account: { name: string } }>, p: TransactionSql, r: Prisma): Queryable[] =>
  [forDrizzle(d), forKnex(k), forKysely(y), forPostgresJs(p), forPrisma(r)];
`,
    );
    const compilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      module: "NodeNext",
      target: "ES2024",
      lib: ["ES2024", "ESNext.Disposable", "DOM"],
      types: ["pg"],
    };
    writeFileSync(join(folder.path, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const checked = await run(process.execPath, [tsc, "-p", "."], folder.path).catch(
      (error: { stdout: string }) => error,
    );
    expect(checked.stdout).toBe("");
  });
});
