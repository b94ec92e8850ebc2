/** What an answer holds is bounded in bytes, and the rest comes by cursors. */
import { expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { ALL_SCOPES, CONTEXT, eventOf } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const PAGE_BYTES = 4_000_000;

const api = async () => {
  const s = await setup({ realClock: true });
  const handler = createHandler(s.deps, ALL_SCOPES);
  const ask = async (path: string, query: string) =>
    (await handler(eventOf({ path, query }), { ...CONTEXT })) as { statusCode: number; body?: string };
  const statusOf = async (path: string, query: string): Promise<number> => (await ask(path, query)).statusCode;
  const get = async (path: string, query = "") => {
    const { statusCode, body = "" } = await ask(path, query);
    expect(statusCode).toBe(200);

    return { bytes: Buffer.byteLength(body), body: JSON.parse(body) };
  };
  /** All pages by their cursors: the ids, and the bytes of each page. */
  const all = async (path: string, query: string) => {
    const rows: { id: string; name: string; number: number; attempts?: unknown[] }[] = [];
    const bytes: number[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page = await get(path, `${query}${cursor === "" ? "" : `&cursor=${cursor}`}`);
      rows.push(...page.body.data);
      bytes.push(page.bytes);
      cursor = page.body.next_cursor;
    }
    return { rows, bytes };
  };
  return { ...s, get, all, statusOf };
};

const kilobytes = (count: number, seed: number): string => `${seed}-`.padEnd(count * 1024, "x y");

const ATTEMPTS = `
insert into forgeq.job_attempt (job_id, life, number, outcome, began_at, ended_at, error)
select $1::uuid, 1, n, 'retry', now(), now() - interval '2 hours' + n * interval '1 second', jsonb_build_object('name', 'Error', 'message', repeat('m ', 4000))
from generate_series(1, $2::int) n`;

it("cuts a page of large payloads at four megabytes, and gives each job once", async () => {
  const s = await api();
  const ids: string[] = [];
  for (let n = 0; n < 40; n += 1) ids.push(...(await s.queue.enqueue(1, { payload: { text: kilobytes(250, n) } })));
  for (const held of [await s.queue.lease(20)]) await s.queue.settle(held, "completed", { result: kilobytes(250, 1) });
  const { rows, bytes } = await s.all("/jobs", "limit=100&include=payload,result");
  expect(rows.map(({ id }) => id)).toEqual([...ids].sort().reverse());
  expect(Math.max(...bytes)).toBeLessThan(PAGE_BYTES + 100_000);
  // Live ones have their payload alone, the others their result, too.
  expect(bytes.length).toBeGreaterThanOrEqual(4);
  expect(bytes.length).toBeLessThanOrEqual(6);
  const plain = await s.get("/jobs", "limit=100");
  expect(plain.body).toMatchObject({ next_cursor: null });
  expect(plain.body.data).toHaveLength(40);
  expect(plain.bytes).toBeLessThan(100_000);
  expect(new Set(plain.body.data.flatMap(Object.keys))).not.toContain("result");
});

it("shows a job with its newest 100 attempts, and pages through all of them", async () => {
  const s = await api();
  const [id = ""] = await s.queue.enqueue(1);
  await s.queue.settle(await s.queue.lease(), "completed", { result: 1 });
  await s.db.query(ATTEMPTS, [id, 1_000]);
  const { bytes, body } = await s.get(`/jobs/${id}`);
  expect(bytes).toBeLessThan(1_000_000);
  expect(body.attempts).toHaveLength(100);
  expect(body.attempts.at(-1)).toMatchObject({ outcome: "completed" });
  expect(body.attempts.at(-2)).toMatchObject({ number: 1_000 });
  const paged = await s.all(`/jobs/${id}/attempts`, "limit=100");
  expect(paged.rows.map(({ number }) => number)).toEqual([1, ...Array.from({ length: 1_000 }, (_, n) => 1_000 - n)]);
  expect(paged.bytes.length).toBe(10);
  expect(await s.get(`/jobs/${id}/attempts`, "limit=2")).toMatchObject({
    body: { data: [{ outcome: "completed" }, {}, {}] },
  });
});

it("cuts a list of jobs with many attempts, each of which has all that it is shown with", async () => {
  const s = await api();
  const ids = await s.queue.enqueue(20);
  await s.queue.settle(await s.queue.lease(20), "completed", { result: 1 });
  for (const id of ids) await s.db.query(ATTEMPTS, [id, 150]);
  const { rows, bytes } = await s.all("/jobs", "limit=100&include=attempts");
  expect(rows.map(({ id }) => id)).toEqual([...ids].sort().reverse());
  expect(new Set(rows.map(({ attempts }) => attempts?.length))).toEqual(new Set([100]));
  expect(Math.max(...bytes)).toBeLessThan(PAGE_BYTES + 100_000);
  expect(bytes.length).toBeGreaterThanOrEqual(4);
});

const SCHEDULES = `
insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until)
select 's' || lpad(n::text, 4, '0'), gen_random_uuid(), '@daily', 'UTC', 'plain', jsonb_build_object('text', repeat('x y ', $2::int)), now()
from generate_series(1, $1::int) n`;

it("pages through schedules by name, and cuts a page of large payloads at four megabytes", async () => {
  const s = await api();
  await s.db.query(SCHEDULES, [250, 1]);
  const names = Array.from({ length: 250 }, (_, n) => `s${String(n + 1).padStart(4, "0")}`);
  const pages = await s.all("/schedules", "");
  expect(pages.rows.map(({ name }) => name)).toEqual(names);
  expect(pages.bytes).toHaveLength(3);
  expect((await s.all("/schedules", "limit=50")).rows.map(({ name }) => name)).toEqual(names);
  // A full last page is the last one.
  expect((await s.all("/schedules", "limit=50")).bytes).toHaveLength(5);

  await s.db.query("delete from forgeq.schedule");
  await s.db.query(SCHEDULES, [40, 62_500]);
  const large = await s.all("/schedules", "limit=100");
  expect(large.rows.map(({ name }) => name)).toEqual(names.slice(0, 40));
  expect(Math.max(...large.bytes)).toBeLessThan(PAGE_BYTES + 100_000);
  expect(large.bytes).toHaveLength(3);
});

it.each(["limit=0", "limit=101", "cursor=", "cursor=abc", "cursor=QQ", "page=2"])(
  "refuses /schedules?%s",
  async (query) => {
    const s = await api();
    expect(await s.statusOf("/schedules", query)).toBe(400);
  },
);
