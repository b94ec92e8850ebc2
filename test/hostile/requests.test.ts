import { expect, it } from "vitest";
import { queues } from "../../functions/queues.ts";
import { jobs } from "../../functions/registry.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { forgeq, temporaryFolder } from "../support/cli/cli.ts";
import { SERVERS } from "../support/cli/servers.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { page } from "../support/servers/crawl.ts";
import { startSite } from "../support/servers/site.ts";

/** Just within what a batch may have. */
const FIVE_MB = 5_000_000 - 200;
const list = (item: string): string => `[${`${item},`.repeat(Math.floor(FIVE_MB / (item.length + 1))).slice(0, -1)}]`;
const keys = (count: number): string => Array.from({ length: count }, (_none, index) => `"k${index}":1`).join(",");
const nested = (open: string, inner: string, close: string, levels: number): string =>
  open.repeat(levels) + inner + close.repeat(levels);

const mail = (payload: string, more = ""): string => `{"type":"send_email","payload":${payload}${more}}`;
const batch = (job: string): string => `{"jobs":[${job}]}`;
const GOOD = '{"email":"a@example.com"}';

/** What a stranger with a key may send, the status that he gets, and what the answer names. */
const BODIES: Record<string, readonly [path: string, body: string, status: number, code: string]> = {
  "five megabytes of exponents": ["/jobs/batch", batch(mail(list("1e1"))), 413, "payload_too_large"],
  "five megabytes of exponents instead of jobs": ["/jobs/batch", `{"jobs":${list("1e1")}}`, 422, "invalid_job"],
  "five megabytes of numbers that lose digits": ["/jobs/batch", batch(mail(list("1e400"))), 400, "malformed_json"],
  "five megabytes of long numbers": ["/jobs/batch", batch(mail(list("1.2345678901234560"))), 422, "invalid_payload"],
  "lists in lists": ["/jobs/batch", batch(mail(nested("[", "1e1", "]", 2_000_000))), 422, "invalid_job"],
  "objects in objects": ["/jobs/batch", batch(mail(nested('{"a":', "1e1", "}", 700_000))), 422, "invalid_job"],
  "unknown fields of a batch": ["/jobs/batch", `{"jobs":[],${keys(400_000)}}`, 422, "invalid_job"],
  "unknown fields of a job": ["/jobs/batch", batch(mail(GOOD, `,${keys(400_000)}`)), 413, "payload_too_large"],
  "a payload of unknown keys": ["/jobs/batch", batch(mail(`{${keys(400_000)}}`)), 413, "payload_too_large"],
  "metadata of many keys": [
    "/jobs/batch",
    batch(mail(GOOD, `,"metadata":{${keys(400_000)}}`)),
    413,
    "payload_too_large",
  ],
  "metadata that is a list": ["/jobs", mail(GOOD, ',"metadata":[1,2]'), 422, "invalid_job"],
  "a unique key with ESC": ["/jobs", mail(GOOD, String.raw`,"unique_key":"\u001b[2J"`), 422, "invalid_job"],
  "a unique key with a bidirectional mark": [
    "/jobs",
    mail(GOOD, String.raw`,"unique_key":"\u202e"`),
    422,
    "invalid_job",
  ],
  "a run_at without end": ["/jobs", mail(GOOD, ',"run_at":"infinity"'), 422, "invalid_job"],
  "a depth": ["/jobs", mail(GOOD, ',"depth":30000'), 422, "invalid_job"],
  "a traceparent in the body": ["/jobs", mail(GOOD, String.raw`,"traceparent":"\u001b"`), 422, "invalid_job"],
};

const setup = async () => {
  const { db, url } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  return { db, env: { DATABASE_URL: url } };
};

it.each(Object.entries(SERVERS))("%s refuses what is hostile, and goes on", { timeout: 180_000 }, async (_, start) => {
  const { db, env } = await setup();
  const server = await start(env.DATABASE_URL);
  for (const [what, [path, body, status, code]] of Object.entries(BODIES)) {
    const response = await server.post(path, body);
    expect([response.status, await response.json()], what).toMatchObject([status, { code }]);
  }
  expect(await db.query("select from forgeq.job")).toEqual([]);
  expect((await server.post("/jobs", mail(GOOD))).status).toBe(201);
  expect(server.isAlive()).toBe(true);
});

it("a worker outlives the pages of a hostile site", { timeout: 120_000 }, async () => {
  const { db, env } = await setup();
  const base = `<base href="http://h/${"A".repeat(1_000_000)}/">`;
  const links = Array.from({ length: 4_000 }, (_none, index) => `<a href=${index}></a>`).join("");
  const description = `<meta name=description content="${"A ".repeat(2_000_000)}">`;
  const site = await startSite({ "/base": page(base + links), "/description": page(description) });
  for (const path of ["/base", "/description"])
    await db.query("select forgeq.enqueue('crawl_page', $1::jsonb)", [JSON.stringify({ url: site.origin + path })]);
  const { code, stderr } = await forgeq(["worker", "--once", "--queue", "crawl"], {
    env: {
      ...env,
      FORGEQ_DIR: temporaryFolder(),
      FORGEQ_CRAWL_ALLOW: `127.0.0.1:${site.port}`,
      NODE_OPTIONS: "--max-old-space-size=160",
    },
  });
  await site.close();
  expect(code, stderr).toBe(0);
  const states = await db.query<{ state: string }>("select state::text from forgeq.job_history");
  expect(states.map(({ state }) => state)).toEqual(["completed", "completed"]);
});
