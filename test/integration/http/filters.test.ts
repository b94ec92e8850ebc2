/** Every filter of the document reaches every path that takes it. A forgotten one would let a bulk action match every job. */
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { createHandler } from "../../../functions/api.ts";
import { defineJob, defineQueue } from "../../../lib/core/define.ts";
import { leastId, uuidV7 } from "../../../lib/core/uuid.ts";
import { openapiDocument } from "../../../lib/http/openapi.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { ALL_SCOPES, CONTEXT, eventOf, send } from "../../support/http/http.ts";
import type { OpenApi } from "../../support/http/openapi.ts";
import { plain, setup as setUp, unlimited } from "../../support/queue.ts";

const DAY_MS = 24 * 3_600_000;
const TIME_OUT_MS = 300_000;

const OPENAPI = openapiDocument([]) as unknown as OpenApi & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
};

/** Parameters of a query that say how much is shown, or which life of the one job, and not of which jobs. */
const NO_FILTERS = ["limit", "cursor", "include", "window", "deep", "life"];

/** `listJobs state`, and so on, of each operation that reads. */
const FILTERS = Object.entries(OPENAPI.paths).flatMap(([path, { get }]) =>
  (get?.parameters ?? [])
    .filter((parameter) => parameter.in === "query" && !NO_FILTERS.includes(parameter.name))
    .flatMap(({ name }) => (name === "paths" ? ["payload", "metadata"] : [name]))
    .map((name) => ({ path, operation: get?.operationId ?? "", name })),
);
const ofOperation = (id: string) => FILTERS.filter(({ operation }) => operation === id);

const bulkFilter = (): string[] => {
  const body = OPENAPI.paths["/jobs/bulk"]?.["post"]?.requestBody?.content["application/json"]?.schema;
  const { properties } = body as { properties: { filter: { properties: object } } };
  return Object.keys(properties.filter.properties);
};

const other = defineJob({ type: "other", queue: "other", payload: z.looseObject({}), retry: { maxAttempts: 3 } });

const setup = async () => {
  const queues = [unlimited, defineQueue({ name: "other", maxInFlight: null })];
  const s = await setUp({ realClock: true, jobs: [plain, other], queues });
  const api = createHandler(s.deps, ALL_SCOPES);
  const get = (path: string, query: string) => send(api, { path, query });
  const bulk = async (body: object) => {
    const { status, body: answer } = await send(api, { path: "/jobs/bulk", body });
    expect(status, JSON.stringify(answer)).toBe(200);
    return answer as { matched: number; done: number; examples?: { id: string }[] };
  };
  const error = { name: "Error", message: "this one broke" };
  const leaseOf = async (name: string) => {
    const [lease] = (await s.queue.claim(1, name)).leases;
    const held = await s.queue.begin(lease!.id);
    if (held === "lease_lost") throw new Error("lease lost");
    return held;
  };
  return { ...s, api, get, bulk, error, leaseOf };
};
type World = Awaited<ReturnType<typeof setup>>;

const MARK = { payload: { mark: "this" }, metadata: { mark: "this" } };

const idAt = (ms: number): string => leastId(new Date(ms)).slice(0, 13) + uuidV7().slice(13);

/** Two jobs that differ in whatever a filter can name. */
const twoJobs = async ({ queue, bulk, error, leaseOf }: World, kind: "live" | "finished", name: string) => {
  const nowMs = Date.now();
  const one = idAt(nowMs - DAY_MS / 2);
  const stranger = idAt(name === "created_after" ? nowMs - DAY_MS : nowMs);
  await queue.enqueue(1, { id: one, uniqueKey: "this", ...MARK });
  await queue.enqueue(1, { id: stranger, type: "other", runAt: new Date(nowMs + DAY_MS), payload: {} });
  if (kind === "live") await queue.settle(await leaseOf("plain"), "retry", { error, delaySeconds: 0 });
  else await queue.settle(await leaseOf("plain"), "dead", { error });
  if (kind === "finished") await bulk({ action: "cancel", ids: [stranger] });
  return { one, stranger };
};

/** Of each filter a value that the one job has, and the other one has not. */
const VALUES: Readonly<Record<string, (one: string, kind: "live" | "finished") => string>> = {
  state: (_, kind) => (kind === "live" ? "pending" : "dead"),
  type: () => "plain",
  queue: () => "plain",
  id: (one) => one,
  unique_key: () => "this",
  error: () => "this one broke",
  created_after: () => new Date(Date.now() - 0.75 * DAY_MS).toISOString(),
  created_before: () => new Date(Date.now() - DAY_MS / 4).toISOString(),
  payload: () => "this",
  metadata: () => "this",
};
const AT_A_PATH = ["payload", "metadata"];

const eachFilter = ofOperation("listJobs").map(({ name }) => name);

it("has a value for each filter of the document, and the same filters in a query and in a body", () => {
  expect(bulkFilter().sort()).toEqual([...eachFilter].sort());
  expect(Object.keys(VALUES).sort()).toEqual([...eachFilter].sort());
});

describe.each(["live", "finished"] as const)("of two %s jobs", (kind) => {
  it(
    "each filter means one, in a list, a preview, a slice and the command line",
    { timeout: TIME_OUT_MS },
    async () => {
      const s = await setup();
      const action = kind === "live" ? "cancel" : "delete";
      for (const name of eachFilter) {
        const { one, stranger } = await twoJobs(s, kind, name);
        const value = VALUES[name]!(one, kind);
        const atPath = AT_A_PATH.includes(name);

        const query = new URLSearchParams({ [atPath ? `${name}.mark` : name]: value }).toString();
        const listed = (await s.get("/jobs", query)).body as { data: { id: string }[] };
        expect({ [name]: listed.data.map(({ id }) => id) }).toEqual({ [name]: [one] });

        const option = [`--${name.replaceAll("_", "-")}`, atPath ? `mark=${value}` : value];
        const { stdout, stderr } = await forgeq(["jobs", "list", "--json", ...option], {
          env: { DATABASE_URL: s.url },
        });
        expect({ [name]: (JSON.parse(stdout || "{}") as { id?: string }).id }, stderr).toEqual({ [name]: one });

        const filter = { [name]: atPath ? { mark: value } : value };
        const preview = await s.bulk({ action, filter, dry_run: true });
        expect({ [name]: preview.matched, is: preview.examples?.map(({ id }) => id) }).toEqual({
          [name]: 1,
          is: [one],
        });
        expect({ [name]: await s.bulk({ action, filter }) }).toMatchObject({ [name]: { matched: 1, done: 1 } });
        expect((await s.get(`/jobs/${stranger}`, "")).body).toMatchObject({
          state: kind === "live" ? "scheduled" : "cancelled",
        });

        await s.bulk({ action: "cancel", ids: [one, stranger] });
        await s.bulk({ action: "delete", ids: [one, stranger] });
      }
    },
  );
});

/** What an answer says of the jobs that a filter means: of each type there are a dead one, and one that runs. */
const SAYS: Readonly<Record<string, (answer: never) => unknown>> = {
  countJobs: ({ dead, running, by }: { dead: number; running: number; by: object[] }) => [dead, running, by.length],
  getStats: ({ totals }: { totals: { enqueued: number } }) => totals.enqueued,
  listErrors: ({ data }: { data: { attempts: number }[] }) => data.reduce((sum, { attempts }) => sum + attempts, 0),
  listLeases: ({ data }: { data: object[] }) => data.length,
  getMetrics: (page: string) => [...page.matchAll(/^forgeq_queue_jobs\{queue="(\w+)",state="dead"\}/gm)].length,
};

describe("besides the list of jobs", () => {
  it("each filter of each path means the jobs of one type or queue", { timeout: TIME_OUT_MS }, async () => {
    const s = await setup();
    for (const type of ["plain", "other"]) {
      await s.queue.enqueue(2, { type });
      await s.queue.settle(await s.leaseOf(type), "dead", { error: s.error });
      await s.leaseOf(type);
    }
    const said = async (operation: string, path: string, query: string) => {
      const { body = "", headers } = await s.api(eventOf({ path, query }), { ...CONTEXT });
      const isJson = String(headers?.["content-type"]).startsWith("application/json");
      return SAYS[operation]?.((isJson ? JSON.parse(body) : body) as never);
    };
    const others = FILTERS.filter(({ operation }) => operation !== "listJobs");
    expect([...new Set(others.map(({ operation }) => operation))].sort()).toEqual(Object.keys(SAYS).sort());
    for (const { operation, path, name } of others) {
      const half = await said(operation, path, `${name}=plain`);
      const all = await said(operation, path, `${name}=plain&${name}=other`);
      const doubled = Array.isArray(half) ? half.map((n) => 2 * Number(n)) : 2 * Number(half);
      expect({ [`${operation} ${name}`]: all, half }).toEqual({ [`${operation} ${name}`]: doubled, half });
      expect([half].flat(), `${operation} ${name}`).not.toContain(0);
    }
  });
});
