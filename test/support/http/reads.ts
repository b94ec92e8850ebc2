/** Every read of the HTTP API, with each filter, and the pages of lists: what the checks of their cost ask for. */
import type { Db } from "../../../lib/db/drivers/client.ts";
import { RARE_TYPE } from "../database/month.ts";

interface Filter {
  readonly query: string;
  /** What it means of the columns of a live job, and of a finished one in its newest life; null where it takes none, whatever they hold. */
  readonly live: string | null;
  readonly finished: string | null;
}

const both = (query: string, where: string): Filter => ({ query, live: where, finished: where });
const ended = (query: string, finished: string): Filter => ({ query, live: null, finished });
const waiting = (query: string, live: string): Filter => ({ query, live, finished: null });
const nowhere = (query: string): Filter => both(query, "false");

const DAY_MS = 86_400_000;
const daysAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
const [FROM, TO] = [daysAgo(20), daysAgo(10)];

/** Of lists of jobs. */
export const FILTERS: readonly Filter[] = [
  both("", "true"),
  ended("state=completed", "state = 'completed'"),
  ended("state=dead", "state = 'dead'"),
  ended("state=cancelled", "state = 'cancelled'"),
  waiting("state=scheduled", "claim_id is null and run_at > now()"),
  waiting("state=pending", "claim_id is null and run_at <= now()"),
  waiting("state=leased", "claim_id is not null"),
  waiting("state=running", "claim_id is not null"),
  both("queue=emails", "queue = 'emails'"),
  both("queue=reports", "queue = 'reports'"),
  nowhere("queue=quiet"),
  both(`type=${RARE_TYPE}`, `type = '${RARE_TYPE}'`),
  ended(`state=completed&type=${RARE_TYPE}`, `state = 'completed' and type = '${RARE_TYPE}'`),
  ended(`state=dead&type=${RARE_TYPE}`, `state = 'dead' and type = '${RARE_TYPE}'`),
  ended("state=dead&queue=reports", "state = 'dead' and queue = 'reports'"),
  ended("state=dead,cancelled&type=quiet", "false"),
  ended("error=ECONNREFUSED", "error ->> 'message' like '%ECONNREFUSED%'"),
  ended("state=dead,cancelled&error=fp_0000000000000000", "false"),
  nowhere("unique_key=none"),
  nowhere("payload.email=none"),
  nowhere("metadata.tenant=none"),
  ended(
    `state=completed&created_after=${FROM}&created_before=${TO}`,
    `state = 'completed' and created_at >= '${FROM}' and created_at < '${TO}'`,
  ),
];

/** A page of a list that is asked for, and how. */
export interface Page {
  readonly filter: string;
  readonly page: "first" | "500th" | "middle" | "last";
  readonly path: string;
}

/** Jobs of a page. */
const LIMIT = 100;
const BEFORE_500TH = 499 * LIMIT;

/** Which job is the last one before the 500th page of a full list; none where a list has fewer. */
const far = ({ live, finished }: Filter): string => `
select id
from ((select id from forgeq.job where ${live ?? "false"} order by id desc limit ${BEFORE_500TH})
      union all
      (select id from forgeq.job_history where revived is null and ${finished ?? "false"} order by id desc limit ${BEFORE_500TH})) s
order by id desc offset ${BEFORE_500TH - 1} limit 1`;

// So near to the end that one call comes to it, whatever it may look at.
const nearEnd = ({ live, finished }: Filter): string => `
with oldest as (
  select id, ${finished ?? live} as meant from forgeq.${finished === null ? "job" : "job_history"} order by id limit 3000)
select coalesce((select id from oldest where meant order by id offset ${LIMIT / 2} limit 1), (select max(id::text)::uuid from oldest)) as id`;

type Get = (path: string) => Promise<{ readonly body: { data: { id: string }[]; next_cursor: string | null } }>;

const timeOf = (id: string): number => parseInt(id.replaceAll("-", "").slice(0, 12), 16);

/** The cursor behind a job, as the API gives it to whoever comes there. */
const cursorAfter = async (get: Get, id: string): Promise<string> => {
  const { body } = await get(`/jobs?limit=1&created_before=${new Date(timeOf(id) + 1).toISOString()}`);
  if (body.data[0]?.id !== id || body.next_cursor === null) throw new Error(`no page ends with ${id}`);
  return body.next_cursor;
};

/** First, 500th, one of the middle and last page of each list. The 500th is the one that follows 499 full ones: `follow` comes there. */
export const pagesOfLists = async (db: Db, get: Get): Promise<readonly Page[]> => {
  const pages: Page[] = [];
  const middle = await get(`/jobs?limit=1&created_before=${daysAgo(17)}`);
  for (const filter of FILTERS) {
    const path = `/jobs?limit=${LIMIT}&${filter.query}`;
    const add = (page: Page["page"], cursor: string | null) =>
      pages.push({ filter: filter.query, page, path: cursor === null ? path : `${path}&cursor=${cursor}` });
    add("first", null);
    const [before] = await db.query<{ id: string }>(far(filter));
    if (before !== undefined) add("500th", await cursorAfter(get, before.id));
    add("middle", middle.body.next_cursor);
    const [end] = await db.query<{ id: string }>(nearEnd(filter));
    add("last", await cursorAfter(get, end!.id));
  }
  return pages;
};

/** The cursor of the 500th page of a list, by all the pages before it, each of which is full. */
export const follow = async (get: Get, query: string): Promise<string | null> => {
  let cursor: string | null = null;
  for (let page = 1; page < 500; page += 1) {
    const { body } = await get(`/jobs?limit=${LIMIT}&${query}${cursor === null ? "" : `&cursor=${cursor}`}`);
    if (body.data.length < LIMIT) return null;
    cursor = body.next_cursor;
  }
  return cursor;
};

/** Jobs of each kind, and what follows the first page of the other lists. */
const facts = async (db: Db) => {
  const idOf = async (from: string): Promise<string> =>
    (await db.query<{ id: string }>(`select id from ${from} limit 1`))[0]!.id;
  return {
    scheduled: await idOf("forgeq.job where claim_id is null and run_at > now()"),
    running: await idOf("forgeq.job where claim_id is not null"),
    completed: await idOf("forgeq.job_history where state = 'completed'"),
    dead: await idOf("forgeq.job_history where state = 'dead' and revived is null"),
    retried: await idOf("forgeq.job where life > 1"),
    unknown: "019ab000-0000-7000-8000-00000000000a",
  };
};

const WINDOWS = ["1h", "24h", "7d", "30d"];
/** Of what takes a type or a queue, or several. */
const PARTS = [
  "",
  "type=send_email",
  "queue=emails",
  "type=send_email&queue=emails",
  `type=${RARE_TYPE},crawl_page`,
  "queue=q1,q2",
  "queue=quiet",
];

const parted = (path: string): string[] => PARTS.map((part) => `${path}?${part}`);

/** Each window, and each part of one. */
const inWindows = (path: string, window: string): string[] => [
  ...WINDOWS.map((each) => `${path}?window=${each}`),
  ...PARTS.filter((part) => part !== "").map((part) => `${path}?window=${window}&${part}`),
];

/** The paths of each operation that reads, by its id, but for the pages of FILTERS; the ones that find nothing, too. */
export const otherReads = async (db: Db): Promise<Readonly<Record<string, readonly string[]>>> => {
  const { unknown, ...known } = await facts(db);
  const ids = Object.values(known);
  const named = (path: string) => [path, `${path}?limit=100`, `${path}?limit=10`];
  return {
    listJobs: [
      ...[`/jobs?id=${[...ids, unknown].join()}`, "/jobs?limit=50", "/jobs?limit=20&state=dead", "/jobs?type=none"],
      ...["", "&state=completed", "&state=dead", "&state=scheduled"].map(
        (state) => `/jobs?limit=100&include=payload,result,attempts${state}`,
      ),
    ],
    getJob: [...ids.map((id) => `/jobs/${id}`), `/jobs/${known.retried}?life=1`, `/jobs/${unknown}`],
    listAttempts: [
      `/jobs/${known.dead}/attempts`,
      `/jobs/${known.dead}/attempts?limit=5`,
      `/jobs/${known.retried}/attempts?limit=100&life=1`,
    ],
    listLives: [`/jobs/${known.retried}/lives?limit=20`],
    listQueues: named("/queues"),
    getQueue: ["emails", "crawl", "reports", "billing", "quiet", "q7", "none"].map((name) => `/queues/${name}`),
    listSchedules: named("/schedules"),
    getSchedule: ["/schedules/s1", "/schedules/none"],
    getOverview: ["/overview"],
    getStats: inWindows("/stats", "30d"),
    countJobs: parted("/jobs/counts"),
    listErrors: inWindows("/errors", "7d"),
    listLeases: [...parted("/leases"), "/leases?limit=200", "/leases?limit=10"],
    listWorkers: ["/workers"],
    listTypes: named("/types"),
    getType: ["/types/send_email", "/types/none"],
    getMetrics: ["/metrics", "/metrics?queue=emails"],
    getHealth: ["/health", "/health?deep=1"],
    getOpenapi: ["/openapi.json"],
    getDashboard: ["/dashboard"],
    getDashboardSlash: ["/dashboard/"],
    getDashboardFile: ["/dashboard/none.js"],
    getDocs: ["/docs"],
    getDocsFile: ["/docs/none.js"],
    getSession: ["/session"],
    getMe: ["/me"],
    listKeys: named("/keys"),
  };
};
