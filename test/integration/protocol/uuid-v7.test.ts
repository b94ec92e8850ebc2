import { expect, it } from "vitest";
import { createTestDatabase } from "../../support/database/database.ts";

it("the database makes UUIDs of version 7, with the time in front and the rest random", async () => {
  const { db } = await createTestDatabase();
  const rows = await db.query<{ id: string; ms: string }>(
    `select forgeq.uuid_v7() as id, floor(extract(epoch from clock_timestamp()) * 1000)::text as ms from generate_series(1, 500)`,
  );
  for (const { id, ms } of rows) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16) - Number(ms))).toBeLessThan(1_000);
  }
  expect(new Set(rows.map(({ id }) => id.slice(15))).size).toBe(500);
});
