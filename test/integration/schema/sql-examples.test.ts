import { expect, it } from "vitest";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { examplesIn } from "../../support/docs/examples.ts";

const ROLLED_BACK = new Error("only tried");

it("the examples in SQL run on a migrated database", async () => {
  const { db } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const failed: string[] = [];
  for (const { page, text } of examplesIn("sql"))
    await db
      .transaction(async (tx) => {
        for (const statement of text.split(/;\s*$/m).filter((each) => each.trim() !== "")) await tx.query(statement);
        throw ROLLED_BACK;
      })
      .catch((error: unknown) => {
        if (error !== ROLLED_BACK) failed.push(`${page}: ${String(error)}: ${text}`);
      });
  expect(failed).toEqual([]);
});
