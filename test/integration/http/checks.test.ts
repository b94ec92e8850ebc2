/**
 * What the HTTP API promises of its answers, against both of its servers: what they cost, how large they are, and that the document describes them. Small here;
 * `npm run test:api:full` runs the full sizes, a million and five million finished jobs.
 */
import { describe, expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { type Explained, startExplained } from "../../support/database/explained.ts";
import { fillHistory, fillWaiting } from "../../support/database/fill.ts";
import { HTTP_SERVERS } from "../../support/http/http-servers.ts";
import {
  ALL,
  createAsking,
  KEYS,
  statusOf,
  useJobs,
  useQueuesAndSchedules,
  useTheRest,
} from "../../support/http/tour.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

/** Finished jobs of the two databases whose answers are compared. */
const SIZES = (process.env["FORGEQ_CHECK_FINISHED"] ?? "100000,200000").split(",").map(Number);
const TIME_OUT_MS = 60_000 + (SIZES.at(-1) ?? 0) / 2;
const ENV = { FORGEQ_API_KEYS: KEYS, FORGEQ_SECRET: Buffer.alloc(32, 1).toString("base64url") };

const get = async (origin: string, path: string) => {
  const response = await fetch(origin + path, { headers: { authorization: `Bearer ${ALL}` } });
  const text = await response.text();
  expect([path, response.status, text.slice(0, 200)]).toEqual([path, 200, text.slice(0, 200)]);
  return {
    bytes: Buffer.byteLength(text),
    body: JSON.parse(text) as { data: { id: string }[]; next_cursor: string | null },
  };
};

/** What reads the history or what waits: by how many filters, first page and one far behind it. */
const LISTS = [
  ...["", "state=completed", "state=dead", "state=cancelled", "state=scheduled", "state=pending", "state=running"],
  ...["queue=emails", "queue=reports", "queue=quiet", "type=send_email", "type=quiet", "state=dead&queue=reports"],
  ...["state=dead&type=quiet", "state=cancelled&type=generate_report", "state=completed&queue=quiet", "error=none"],
  ...[
    "unique_key=none",
    "payload.email=none",
    "metadata.tenant=none",
    "state=dead,cancelled&error=fp_0000000000000000",
  ],
].map((filter) => `/jobs?limit=100&${filter}`);
const COUNTS = [
  "/overview",
  "/jobs/counts",
  "/queues",
  "/queues/emails",
  "/stats?window=30d",
  "/leases",
  "/workers",
  "/types",
];
const ERRORS = ["/errors?window=1h"];

const MANY_QUEUES = `
with made as (insert into forgeq.queue (name) select 'q' || n from generate_series(1, 90) n returning name)
insert into forgeq.job_type (type, queue, backoff) select name, name, '{}' from made;
insert into forgeq.job (id, run_at, priority, max_attempts, queue, type, payload)
select forgeq.uuid_v7(), now() - interval '1 minute' * n, 5, 8, 'q' || n, 'q' || n, '{}' from generate_series(1, 90) n`;

const filled = async (finished: number): Promise<Explained> => {
  const database = await startExplained();
  await database.db.query(MANY_QUEUES);
  await fillHistory(database.db, finished, 35, "unvacuumed");
  await fillWaiting(database.db, finished / 20, false, "unvacuumed");
  await fillWaiting(database.db, finished / 2, true, "unvacuumed");
  await syncDefinitions(database.db, jobs, queues);
  for (const minutes of [10, 0])
    await database.db.query("select forgeq.metric_fold(now() - make_interval(mins => $1::int))", [minutes]);
  return database;
};

/** What a call reads once its connection knows the catalog: the least of three, so that what the server does beside it is not counted. */
const pagesOf = async ({ pagesOf: read }: Explained, origin: string, path: string) => {
  const runs = [];
  for (let n = 0; n < 4; n += 1) {
    runs.push(await read(() => get(origin, path)));
    // An overview is kept for a second.
    if (path === "/overview") await new Promise((resolve) => setTimeout(resolve, 1_050));
  }
  const [, ...warm] = runs;
  const names = new Set(warm.flatMap((pages) => [...pages.keys()]));
  const least = [...names].map((name) => Math.min(...warm.map((pages) => pages.get(name) ?? 0)));
  return { most: Math.max(0, ...least), all: least.reduce((sum, pages) => sum + pages, 0) };
};

describe("what a call reads is bounded, without a vacuum", () => {
  it.each(Object.entries(HTTP_SERVERS))("%s", { timeout: TIME_OUT_MS * 2 }, async (_, start) => {
    const found: Map<string, number>[] = [];
    for (const size of SIZES) {
      const database = await filled(size);
      const { origin } = await start(database.url, { ...ENV, FORGEQ_POOL: "1" });
      const middle = new Date(Date.now() - 17 * 86_400_000).toISOString();
      const { body } = await get(origin, `/jobs?limit=1&created_before=${middle}`);
      const of = new Map<string, number>();
      for (const path of [
        ...LISTS,
        ...LISTS.map((list) => `${list}&cursor=${body.next_cursor}`),
        ...COUNTS,
        ...ERRORS,
      ]) {
        const { most, all } = await pagesOf(database, origin, path);
        expect(most, `a statement of ${path} at ${size}`).toBeLessThan(1_500);
        expect(all, `${path} at ${size}`).toBeLessThan(3_000);
        of.set(path.replace(/&cursor=.*/, "&cursor"), all);
      }
      expect(Math.max(...of.values())).toBeGreaterThan(100);
      found.push(of);
    }
    const [small, large] = found as [Map<string, number>, Map<string, number>];
    // Where all of the smaller history is looked through, the larger one may read more, up to the bound.
    const grown = [...small].filter(
      ([path, pages]) => /^.(jobs\?|errors)/.test(path) && (large.get(path) ?? 0) > Math.max(700, pages * 1.2),
    );
    expect(grown.map(([path, pages]) => `${path}: ${pages}, then ${large.get(path)}`)).toEqual([]);
  });
});

const KIB_256 = 256 * 1024;

describe("an answer has at most four megabytes, and the rest comes by its cursor", () => {
  it.each(Object.entries(HTTP_SERVERS))("%s", { timeout: 180_000 }, async (_, start) => {
    const { db, url } = await createTestDatabase();
    await syncDefinitions(db, jobs, queues);
    await db.query(
      `insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, payload, queue, type, result)
       select forgeq.uuid_v7(), now(), now(), 'completed', 1, 5, 1, 8, to_json(repeat('x y ', $1)), 'emails', 'send_email', to_jsonb(repeat('r s ', $1))
       from generate_series(1, 100)`,
      [KIB_256 / 4],
    );
    const rows = await db.query<{ id: string }>("select id from forgeq.job_history order by id desc");
    const { origin } = await start(url, ENV);
    const ids: string[] = [];
    const bytes: number[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const query = `limit=100&include=payload,result${cursor === "" ? "" : `&cursor=${cursor}`}`;
      const page: Awaited<ReturnType<typeof get>> = await get(origin, `/jobs?${query}`);
      ids.push(...page.body.data.map(({ id }) => id));
      bytes.push(page.bytes);
      cursor = page.body.next_cursor;
    }
    expect(ids).toEqual(rows.map(({ id }) => id));
    expect(Math.max(...bytes)).toBeLessThan(4_000_000 + 100_000);
    expect(bytes.length).toBeGreaterThan(12);
  });
});

describe("every answer of a session is as the document describes it", () => {
  it.each(Object.entries(HTTP_SERVERS))("%s", { timeout: 180_000 }, async (_, start) => {
    const s = await setup({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
    const { origin } = await start(s.url, ENV);
    const { ask, seen, wrong } = createAsking(origin);
    const world = { ...s, origin, get: (status: number, id: string, sent = {}) => statusOf(ask, status, id, sent) };
    await useJobs(world);
    await useQueuesAndSchedules(world);
    await useTheRest(world);
    for (const id of [
      "listJobs",
      "listQueues",
      "listSchedules",
      "getOverview",
      "getStats",
      "countJobs",
      "listErrors",
      "listLeases",
      "listWorkers",
      "listTypes",
      "listKeys",
      "getMe",
      "getSession",
      "getMetrics",
      "getOpenapi",
    ])
      // prettier-ignore
      await world.get(200, id);
    // What is refused before a function sees it, too.
    expect((await ask("listJobs", { key: null })).status).toBe(401);
    expect((await ask("listJobs", { query: "bogus=1" })).status).toBe(400);
    expect((await ask("enqueueJob", { body: '{"a":' })).status).toBe(400);
    expect((await ask("setQueue", { body: { bogus: 1 } })).status).toBe(422);
    expect(wrong).toEqual([]);
    expect(seen.size).toBeGreaterThan(50);
  });
});
