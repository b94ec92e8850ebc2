import * as z from "zod";
import { describe, expect, it } from "vitest";
import { defineJob } from "../../../lib/core/define.ts";
import type { JobFilter } from "../../../lib/core/job-filter.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { ensurePartitions } from "../../../lib/db/drivers/partitions.ts";
import { listJobs } from "../../../lib/db/reads/job-list.ts";
import { selectJobs } from "../../../lib/db/reads/job-search.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { fillHistory } from "../../support/database/fill.ts";
import { metered } from "../../support/database/metered.ts";
import { setup } from "../../support/queue.ts";

const sendEmail = (search: readonly string[]) =>
  defineJob({ type: "send_email", queue: "emails", payload: z.looseObject({}), search });

const PAGE = { limit: 100, after: null, include: { payload: true, result: false, attempts: false } } as const;
const byEmail = (value: string): JobFilter => ({
  types: ["send_email"],
  states: ["completed", "dead", "cancelled"],
  payload: [{ path: ["email"], value }],
});

const indexesOf = async (db: Db): Promise<{ parents: number; children: number; valid: boolean }> => {
  const [row] = await db.query<{ parents: number; children: number; valid: boolean }>(
    `select count(*) filter (where c.relkind = 'I')::int as parents, count(*) filter (where c.relkind = 'i')::int as children,
            coalesce(bool_and(i.indisvalid), true) as valid
     from pg_index i join pg_class c on c.oid = i.indexrelid
     where pg_get_indexdef(c.oid) like '%payload_text%'`,
    [],
  );
  return row!;
};

const everyId = async (db: Db, filter: JobFilter): Promise<{ ids: string[]; calls: number }> => {
  const ids: string[] = [];
  let calls = 0;
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof selectJobs>> = await selectJobs(db, filter, { limit: 500, after }, null);
    ids.push(...page.jobs.map(({ id }) => id));
    after = page.next;
    calls += 1;
  } while (after !== null);
  return { ids, calls };
};

describe("declared search", { timeout: 120_000 }, () => {
  it("finds in one cheap call what an undeclared one finds in several, and its index is the type's alone", async () => {
    const { db } = await createTestDatabase();
    await fillHistory(db, 60_000, 60);
    const filter = byEmail("user11105@example.com");
    const undeclared = await everyId(db, filter);
    expect(undeclared.ids).toHaveLength(1);
    expect(undeclared.calls).toBeGreaterThan(1);
    expect(await indexesOf(db)).toEqual({ parents: 0, children: 0, valid: true });

    await syncDefinitions(db, [sendEmail(["/email"])], []);
    await db.query("analyze forgeq.job_history", []);
    const { parents, children, valid } = await indexesOf(db);
    expect({ parents, valid }).toEqual({ parents: 1, valid: true });
    expect(children).toBeGreaterThan(8);
    expect(await everyId(db, filter)).toEqual({ ids: undeclared.ids, calls: 1 });
    const meter = metered(db);
    const search = () => meter.costOf((counted) => listJobs(counted, { ...filter, ...PAGE }, null));
    await search();
    const { buffers } = await search();
    expect(buffers).toBeLessThan(300);
    const [other] = await db.query<{ entries: number }>(
      "select sum(c.reltuples)::int as entries from pg_class c where c.relkind = 'i' and pg_get_indexdef(c.oid) like '%payload_text%'",
      [],
    );
    expect(other!.entries).toBeLessThanOrEqual(36_100);

    // A partition that is made later has it, too, and the index stays whole.
    await ensurePartitions(db, new Date(Date.now() + 21 * 86_400_000));
    expect(await indexesOf(db)).toEqual({ parents: 1, children: children + 3, valid: true });

    await syncDefinitions(db, [sendEmail([])], []);
    expect(await indexesOf(db)).toEqual({ parents: 0, children: 0, valid: true });
  });

  it("goes on where it was interrupted, and is not believed before it is whole", async () => {
    const { db } = await createTestDatabase();
    await fillHistory(db, 5_000, 40);
    await syncDefinitions(db, [sendEmail(["/email"])], []);
    const [child] = await db.query<{ name: string; parent: string }>(
      `select c.relname as name, p.relname as parent from pg_inherits h join pg_class c on c.oid = h.inhrelid join pg_class p on p.oid = h.inhparent
       where pg_get_indexdef(c.oid) like '%payload_text%' limit 1`,
      [],
    );
    // As if the second week had failed: the parent is there, and one of its partitions has a broken index.
    await db.query(`drop index forgeq.${child!.parent}`, []);
    await db.query(
      `create index ${child!.parent} on only forgeq.job_history (left(forgeq.payload_text(payload, '{email}'::text[]), 200), id) where type = 'send_email'`,
      [],
    );
    const partition = child!.name.replace(/_(search_[0-9a-f]+|expr_id_idx|left_id_idx).*$/, "");
    await db.query(
      `create index ${partition}_${child!.parent} on forgeq.${partition} (left(forgeq.payload_text(payload, '{email}'::text[]), 200), id) where type = 'send_email'`,
      [],
    );
    await db.query("update pg_index set indisvalid = false where indexrelid = ('forgeq.' || $1)::regclass", [
      `${partition}_${child!.parent}`,
    ]);
    expect((await everyId(db, byEmail("user1105@example.com"))).ids).toHaveLength(1);
    await syncDefinitions(db, [sendEmail(["/email"])], []);
    expect(await indexesOf(db)).toMatchObject({ parents: 1, valid: true });
    expect((await everyId(db, byEmail("user1105@example.com"))).ids).toHaveLength(1);
  });

  it("never refuses the end of a job for what its payload holds: a long value, one that is no text, none", async () => {
    const s = await setup({
      jobs: [defineJob({ type: "plain", payload: z.looseObject({}), search: ["/a", "/b~1c/0"] })],
    });
    const long = "x".repeat(10_000);
    const payloads = [{ a: long }, { a: long + "y" }, { a: { deep: true } }, { a: null }, {}, { "b/c": ["here"] }];
    const ids: string[] = [];
    for (const payload of payloads) ids.push(...(await s.queue.enqueue(1, { payload })));
    // What the protocol refuses, but a row by hand may hold.
    await s.db.query(`update forgeq.job set payload = '{"a": "\\u0000"}' where id = $1`, [ids[4]]);
    const held = await s.queue.lease();
    await s.queue.settle(held, "completed");
    const find = async (path: string[], value: string) =>
      (await everyId(s.db, { types: ["plain"], payload: [{ path, value }] })).ids;
    expect(await find(["a"], long)).toEqual([ids[0]]);
    expect(await find(["a"], `${long}y`)).toEqual([ids[1]]);
    expect(await find(["b/c", "0"], "here")).toEqual([ids[5]]);
    expect(await find(["a"], '{"deep":true}')).toEqual([ids[2]]);
  });

  it("is refused where it is no list of JSON pointers", () => {
    for (const search of [["email"], ["/a~2"], ["/a", "/a"], [""], "/a", Array(9).fill("/a"), ["/a\u0000"]])
      expect(() => sendEmail(search as string[])).toThrow("search");
  });
});
