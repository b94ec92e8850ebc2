/**
 * What the reads of the HTTP API cost with five weeks of a service behind them, against both of its servers: every GET with every filter, first, far and last
 * page. A smaller month and a larger one show whether a cost grows. `npm run test:api:full` runs the full sizes, a million and five million finished jobs.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operations } from "../../../lib/http/operations.ts";
import { type ExplainedServer, startExplained } from "../../support/database/explained.ts";
import { fillFinished, fillLive } from "../../support/database/month.ts";
import { askedByDashboard, shapeOf } from "../../support/http/asked-by-dashboard.ts";
import { HTTP_SERVERS } from "../../support/http/http-servers.ts";
import { follow, otherReads, pagesOfLists } from "../../support/http/reads.ts";
import { checkCounts } from "../../support/http/told-counts.ts";
import { ALL, KEYS } from "../../support/http/tour.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";

/** Finished jobs of the two databases whose answers are compared. */
const IS_FULL = process.env["FORGEQ_CHECK"] === "full";
const SIZES = IS_FULL ? [1_000_000, 5_000_000] : [500_000, 1_000_000];
const LARGEST = SIZES[1]!;
const MINUTES = 60_000;
const TIME_OUT_MS = 5 * MINUTES + LARGEST / 3;
const ENV = {
  FORGEQ_API_KEYS: KEYS,
  FORGEQ_SECRET: Buffer.alloc(32, 1).toString("base64url"),
  FORGEQ_POOL: "1",
  // Nobody begins what is due.
  FORGEQ_LAMBDA_ENDPOINT: "http://127.0.0.1:1",
};

const MOST_OF_STATEMENT = 1_500;
const MOST_OF_CALL = 3_000;
/** Of seven statements, kept for ten seconds: 3,190 where 75,000 jobs are dead and each of 113 queues has a job that nobody takes. */
const MOST_OF_METRICS = 3_500;
const MOST_OF_SLICE = 20_000;
/**
 * So many pages more or less count as equal: another level in the indexes of the weeks that a call looks into takes 26 at most, and a page that goes on in the
 * week before takes 64.
 */
const EQUAL_PAGES = 75;

let server: ExplainedServer;
const databases = new Map<string, Db>();

const STATES = { "where vacuum has not come by": "raw", "where vacuum has come by": "vacuumed" } as const;
type State = (typeof STATES)[keyof typeof STATES];
const nameOf = (state: State, size: number): string => `${state}_${size}`;

const RETRIED = `select forgeq.retry(id, life) from forgeq.job_history where state = 'dead' order by id desc limit 1 offset 10`;

beforeAll(async () => {
  server = await startExplained();
  const live = await server.create("live");
  await fillLive(live.db);
  await live.db.close();
  for (const size of SIZES) {
    const raw = await server.create(nameOf("raw", size), "live");
    await fillFinished(raw.db, size);
    await raw.db.query(RETRIED);
    await raw.db.close();
    const vacuumed = await server.create(nameOf("vacuumed", size), nameOf("raw", size));
    await vacuumed.db.query("checkpoint");
    await vacuumed.db.query("vacuum (analyze)");
    databases.set(nameOf("vacuumed", size), vacuumed.db);
  }
}, TIME_OUT_MS);

afterAll(() => server.stop(), MINUTES);

const ask = async (origin: string, path: string, body?: object) => {
  const response = await fetch(origin + path, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${ALL}`, "content-type": "application/json" },
    redirect: "manual",
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isFound = !/none|-00000000000a/.test(path);
  expect(isFound ? [200, 308] : [200, 404], `${path}: ${text.slice(0, 200)}`).toContain(response.status);
  return { body: (/json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : {}) as Answer };
};

// Of whatever route: each has some of these.
interface Answer {
  readonly data: { readonly id: string }[];
  readonly next_cursor: string | null;
  readonly done: number;
}

interface Cost {
  /** The statement that read most pages, and how many. */
  readonly most: number;
  readonly all: number;
  /** There is no page after this one. */
  readonly isLast: boolean;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * What a call reads once its connection knows the catalog: the least of two, so that what the server does beside it is not counted. A page of metrics is kept
 * for ten seconds, so it is read once, after another one has taught the connection.
 */
const costOf = async (origin: string, path: string): Promise<Cost> => {
  const isKept = path.startsWith("/metrics");
  const runs: ReadonlyMap<string, number>[] = [];
  let next: string | null = null;
  for (let n = 0; n < (isKept ? 1 : 3); n += 1) {
    if (path === "/overview") await pause(1_050);
    runs.push(await server.pagesOf(async () => (next = (await ask(origin, path)).body.next_cursor)));
  }
  const counted = isKept ? runs : runs.slice(1);
  const names = new Set(counted.flatMap((pages) => [...pages.keys()]));
  const least = [...names].map((name) => Math.min(...counted.map((pages) => pages.get(name) ?? 0)));
  return { most: Math.max(0, ...least), all: least.reduce((sum, pages) => sum + pages, 0), isLast: next === null };
};

/** Every read: what it is called in both databases, and its path in this one. */
const readsOf = async (db: Db, origin: string): Promise<readonly (readonly [name: string, path: string])[]> => {
  const others = await otherReads(db);
  const wanted = operations.filter(({ method }) => method === "GET").map(({ id }) => id);
  expect(Object.keys(others).sort()).toEqual(wanted.sort());
  const pages = await pagesOfLists(db, (path) => ask(origin, path));
  expect(new Set(pages.map(({ filter }) => filter)).size).toBeGreaterThanOrEqual(20);
  const name = (path: string, n: number) => `${path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "{id}")} (${n})`;
  return [
    ...pages.map(({ filter, page, path }) => [`/jobs?${filter}: ${page} page`, path] as const),
    ...Object.values(others).flatMap((paths) => paths.map((path, n) => [name(path, n), path] as const)),
  ];
};

it("each read that the dashboard asks for is among them", async () => {
  const reads = Object.values(await otherReads(databases.get(nameOf("vacuumed", LARGEST))!)).flat();
  const measured = new Set(reads.map((path) => shapeOf(path)));
  const changes = operations
    .filter(({ method }) => method !== "GET")
    .map(({ path }) => shapeOf(path.replaceAll(/\{\w+\}/g, "*")));
  const isKnown = (shape: string) => {
    const pattern = new RegExp(`^${shape.replaceAll(/[.?]/g, "\\$&").replaceAll("*", "[^/?]+")}$`);
    return changes.some((each) => pattern.test(each)) || [...measured].some((each) => pattern.test(each));
  };
  const asked = askedByDashboard();
  expect(asked.length).toBeGreaterThan(30);
  expect(asked.filter((shape) => !isKnown(shape))).toEqual([]);
});

const SLICES = [
  { action: "retry", filter: { state: "dead" } },
  { action: "cancel", filter: { state: "scheduled", queue: "crawl" } },
  { action: "reschedule", filter: { state: "scheduled", queue: "emails" }, delay_seconds: 3_600 },
  { action: "delete", filter: { state: "completed" } },
];

const checkSlices = async (origin: string): Promise<void> => {
  for (const slice of SLICES) {
    const pages = await server.pagesOf(async () => {
      expect((await ask(origin, "/jobs/bulk", { ...slice, limit: 500 })).body).toMatchObject({ done: 500 });
    });
    const all = [...pages.values()].reduce((sum, n) => sum + n, 0);
    log(`bulk ${slice.action}`, { most: Math.max(...pages.values()), all });
    expect(all, `500 jobs: ${slice.action}`).toBeLessThan(MOST_OF_SLICE);
  }
};

/** What was measured is printed where somebody runs the full sizes. */
const log = (name: string, { most, all }: Pick<Cost, "most" | "all">): void => {
  if (IS_FULL) console.log(`| ${name} | ${most} | ${all} |`);
};

/** Lists, search and errors. */
const MUST_NOT_GROW = /^\/(jobs\?|errors)/;
/** Failed jobs are few: a list that looks through all of them in the smaller month has more to look through in the larger one, up to its bound. */
const OF_FAILED = /^\/jobs\?state=(dead|cancelled)/;

describe.each(Object.entries(STATES))("what a read costs is bounded %s", (_, state) => {
  it.each(Object.entries(HTTP_SERVERS))("%s", { timeout: TIME_OUT_MS }, async (__, start) => {
    const found: Map<string, Cost>[] = [];
    const over: string[] = [];
    for (const size of SIZES) {
      const db = databases.get(nameOf("vacuumed", size))!;
      const { origin } = await start(server.urlOf(nameOf(state, size)), ENV);
      const costs = new Map<string, Cost>();
      for (const [name, path] of await readsOf(db, origin)) {
        const cost = await costOf(origin, path);
        log(`${size} ${name}`, cost);
        if (
          cost.most > MOST_OF_STATEMENT ||
          cost.all > (IS_FULL && name.startsWith("/metrics") ? MOST_OF_METRICS : MOST_OF_CALL)
        )
          over.push(`${name} at ${size}: ${cost.most} of ${cost.all}`);
        costs.set(name, cost);
      }
      found.push(costs);
      if (state === "vacuumed") {
        // An overview is kept for a second.
        await pause(1_050);
        await checkCounts(db, async (path) => (await ask(origin, path)).body);
        if (size === LARGEST) {
          const get = (path: string) => ask(origin, path);
          for (const query of ["", "state=completed"]) {
            const page = (await pagesOfLists(db, get)).find((each) => each.page === "500th" && each.filter === query);
            expect(page?.path).toContain(`&cursor=${await follow(get, query)}`);
          }
        }
      }
    }
    expect(over).toEqual([]);
    const [small, large] = found as [Map<string, Cost>, Map<string, Cost>];
    expect([...large.keys()]).toEqual(expect.arrayContaining([...small.keys()]));
    const grown = [...small].flatMap(([name, { all, isLast }]) => {
      const then = large.get(name)!;
      const hasGrown = then.all > all + Math.max(EQUAL_PAGES, all / 5);
      const hasMore = OF_FAILED.test(name) && isLast && !name.endsWith("last page");
      return MUST_NOT_GROW.test(name) && hasGrown && !hasMore ? [`${name}: ${all}, then ${then.all}`] : [];
    });
    expect(grown).toEqual([]);
    expect(Math.max(...[...large.values()].map(({ all }) => all))).toBeGreaterThan(100);
  });
});

describe("a slice of 500 jobs reads a bounded number of pages", () => {
  it.each(Object.entries(HTTP_SERVERS))("%s", { timeout: TIME_OUT_MS }, async (_, start) => {
    const name = nameOf("vacuumed", LARGEST);
    // The slices of another server have left dead rows.
    await databases.get(name)!.query("vacuum");
    const { origin } = await start(server.urlOf(name), ENV);
    await checkSlices(origin);
  });
});
