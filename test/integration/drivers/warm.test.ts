import { expect, it } from "vitest";
import { migrate } from "../../../lib/db/schema/migrate.ts";
import { warmUp } from "../../../lib/db/drivers/warm.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { openWith } from "../../support/database/drivers.ts";
import { makeHandlersProject, startServer } from "../../support/cli/project.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { setup, type Setup } from "../../support/queue.ts";
import { allRows } from "../../support/database/rows.ts";

/** Connections of others whose last statement was a warm-up. */
const warmed = async (db: Setup["db"]): Promise<number> => {
  const [row] = await db.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and query like '/* forgeq:warm_up */%' and state = 'idle'`,
  );
  return row?.n ?? -1;
};

it("warms as many connections as it is asked to, and changes nothing", async () => {
  const { db, url, queue } = await setup();
  await queue.enqueue(2);
  await queue.lease(1);
  const before = await allRows(db);
  await warmUp(await openWith("pg", url), 3);
  expect(await warmed(db)).toBe(3);
  expect(await allRows(db)).toEqual(before);
  expect((await queue.claim()).leases).toMatchObject([{ jobs: 1 }]);
});

it("leaves it to others to say that the database is away or not migrated", async () => {
  const { url } = await createTestDatabase({ empty: true });
  const proxy = await startProxy(Number(new URL(url).port));
  const db = await openWith("pg", proxy.through(url), { max: 2 });
  await warmUp(db, 2);
  await proxy.away();
  await warmUp(db, 2);
  await proxy.back();
  expect((await migrate(db)).applied).toContain("functions/claim.sql");
});

it("is done when forgeq server says that it is ready", async () => {
  const { db, url } = await createTestDatabase();
  const server = await startServer(await makeHandlersProject(db), { DATABASE_URL: url });
  // One of the two may have been used since.
  expect(await warmed(db)).toBeGreaterThan(0);
  expect((await server.post("/jobs", { type: "steady", payload: {} })).status).toBe(201);
});
