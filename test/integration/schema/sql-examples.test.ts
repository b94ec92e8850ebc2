import { expect, it } from "vitest";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { examplesIn } from "../../support/docs/examples.ts";

/** What the page on moving from pg-boss reads: its table of jobs, as far as the example names it. */
const PG_BOSS = `create schema pgboss;
create table pgboss.job (id uuid default gen_random_uuid(), name text, data jsonb, state text, retry_limit int, retry_count int, start_after timestamptz);
insert into pgboss.job (name, data, state, retry_limit, retry_count, start_after)
values ('send-email', '{"email": "a@example.com"}', 'created', 2, 0, now() + interval '1 hour'), ('send-email', '{"email": "b@example.com"}', 'completed', 2, 0, now())`;

const ROLLED_BACK = new Error("only tried");

it("the examples in SQL run on a migrated database", async () => {
  const { db } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const failed: string[] = [];
  for (const { page, text } of examplesIn("sql"))
    await db
      .transaction(async (tx) => {
        await tx.query(PG_BOSS);
        for (const statement of text.split(/;\s*$/m).filter((each) => each.trim() !== "")) await tx.query(statement);
        throw ROLLED_BACK;
      })
      .catch((error: unknown) => {
        if (error !== ROLLED_BACK) failed.push(`${page}: ${String(error)}: ${text}`);
      });
  expect(failed).toEqual([]);
});
