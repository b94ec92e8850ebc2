/** What the HTTP API promises of its answers, against both of its servers: how large they are, and that the document describes them. */
import { describe, expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { createTestDatabase } from "../../support/database/database.ts";
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
