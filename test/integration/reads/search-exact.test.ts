import * as z from "zod";
import { expect, it } from "vitest";
import { defineJob } from "../../../lib/core/define.ts";
import { idTime } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { startServer } from "../../support/cli/project.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { fillSearchable } from "../../support/database/searchable.ts";

const FILTERS = Number(process.env["FORGEQ_TEST_FILTERS"] ?? 200);
const JOBS = 4_000;
const KEY = "search-test-key-0123456789";
const STATES = ["scheduled", "pending", "leased", "running", "completed", "dead", "cancelled"];

interface Row {
  readonly id: string;
  readonly state: string;
  readonly type: string;
  readonly queue: string;
  readonly unique_key: string | null;
  readonly payload: Record<string, unknown>;
  readonly metadata: Record<string, unknown> | null;
  readonly error: { readonly name: string; readonly message: string } | null;
  readonly fingerprint: string | null;
}

/** Every job in its newest life, read plainly. */
const everyJob = (db: Db): Promise<Row[]> =>
  db.query<Row>(`
select distinct on (id) id, state, type, queue, unique_key, payload, metadata, error, forgeq.error_fingerprint(error) as fingerprint
from (
  select j.id, coalesce(j.life, 1) as life, case when l.began_at is not null then 'running' when j.claim_id is not null then 'leased'
           when j.run_at > now() then 'scheduled' else 'pending' end as state,
         j.type, j.queue, j.unique_key, j.payload, j.metadata,
         (select a.error from forgeq.job_attempt a where a.job_id = j.id and a.life = coalesce(j.life, 1) order by a.ended_at desc limit 1) as error
  from forgeq.job j left join forgeq.lease l on l.claim_id = j.claim_id
  union all
  select id, life, state::text, type, queue, unique_key, payload, metadata, error from forgeq.job_history) x
order by id, life desc`);

/** The same numbers from the same seed. */
const randoms = (seed: number) => {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    chance: (share: number) => next() < share,
    below: (most: number) => Math.floor(next() * most),
    of: <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!,
  };
};

const textAt = (value: unknown, path: readonly string[]): string | null => {
  const found = path.reduce<unknown>((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], value);
  if (found === null || found === undefined) return null;
  return typeof found === "string" ? found : JSON.stringify(found);
};

type Test = (row: Row) => boolean;

/** A random query with what it means. */
const randomFilter = (random: ReturnType<typeof randoms>, all: readonly Row[]): { query: string; takes: Test } => {
  const parameters = new URLSearchParams();
  const tests: Test[] = [];
  const add = (name: string, values: readonly string[], test: Test) => {
    for (const value of values) parameters.append(name, value);
    tests.push(test);
  };
  const some = (items: readonly string[]) => items.filter(() => random.chance(0.4)).slice(0, 4);
  const states = some(STATES);
  if (random.chance(0.5) && states.length > 0) add("state", states, ({ state }) => states.includes(state));
  const types = some(["type_0", "type_1", "type_2", "type_unknown"]);
  if (random.chance(0.35) && types.length > 0) add("type", types, ({ type }) => types.includes(type));
  const queues = some(["queue_0", "queue_1", "queue_2"]);
  if (random.chance(0.35) && queues.length > 0) add("queue", [queues.join()], ({ queue }) => queues.includes(queue));
  if (random.chance(0.3)) {
    const [name, path, values] = random.of([
      ["payload.customer.id", ["customer", "id"], ["c1", "c19", "c77"]],
      ["payload./customer/id", ["customer", "id"], ["c3"]],
      ["payload.n", ["n"], ["7", "49"]],
      ["payload.ok", ["ok"], ["true"]],
      ["payload.list.0", ["list", "0"], ["2"]],
    ] as const);
    const value = random.of(values);
    add(name, [value], ({ payload }) => textAt(payload, path) === value);
  }
  if (random.chance(0.2)) {
    const value = `t${random.below(10)}`;
    add("metadata.tenant", [value], ({ metadata }) => metadata?.["tenant"] === value);
  }
  if (random.chance(0.2)) {
    const value = random.of(["HOST-1", "typeerror", "order 1", "nowhere"]);
    add("error", [value], ({ error }) =>
      error === null ? false : `${error.name}: ${error.message}`.toLowerCase().includes(value.toLowerCase()),
    );
  } else if (random.chance(0.15)) {
    const { fingerprint } = random.of(all.filter((row) => row.fingerprint !== null));
    add("error", [fingerprint!], (row) => row.fingerprint === fingerprint);
  }
  if (random.chance(0.1)) {
    const value = random.of(["key-0", "key-11", "live-11", "none"]);
    add("unique_key", [value], (row) => row.unique_key === value);
  }
  if (random.chance(0.1)) {
    const ids = Array.from({ length: 5 }, () => random.of(all).id);
    add("id", ids, ({ id }) => ids.includes(id));
  }
  for (const [name, share] of [
    ["created_after", 0.25],
    ["created_before", 0.25],
  ] as const) {
    if (!random.chance(share)) continue;
    const at = idTime(random.of(all).id);
    add(name, [at.toISOString()], ({ id }) => (name === "created_after" ? idTime(id) >= at : idTime(id) < at));
  }
  return { query: parameters.toString(), takes: (row) => tests.every((test) => test(row)) };
};

it("every page of a search together are the jobs that it means, each once, while jobs finish, declared or not", async () => {
  const { db, url } = await createTestDatabase();
  const seed = 20261129;
  await fillSearchable(db, seed, JOBS);
  const keys = [
    { id: "all", secret: KEY, scopes: ["jobs:read", "payloads:read"] },
    { id: "hidden", secret: `${KEY}-hidden`, scopes: ["jobs:read"] },
    {
      id: "bound",
      secret: `${KEY}-bound`,
      scopes: ["jobs:read", "payloads:read"],
      types: ["type_1"],
      queues: ["queue_0"],
    },
  ];
  const { createHash } = await import("node:crypto");
  const { origin } = await startServer(process.cwd(), {
    DATABASE_URL: url,
    FORGEQ_API_KEYS: JSON.stringify(
      keys.map(({ secret, ...key }) => ({ ...key, sha256: createHash("sha256").update(secret).digest("hex") })),
    ),
  });
  const get = async (query: string, secret = KEY) => {
    const answer = await fetch(`${origin}/jobs?${query}`, { headers: { authorization: `Bearer ${secret}` } });
    return { status: answer.status, body: (await answer.json()) as Page };
  };
  interface Page {
    readonly data: readonly { readonly id: string; readonly type: string; readonly queue: string }[];
    readonly next_cursor: string | null;
    readonly searched_to: string | null;
  }
  const everyPage = async (query: string, secret = KEY): Promise<string[]> => {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const { status, body }: Awaited<ReturnType<typeof get>> = await get(
        `${query}&limit=100${cursor === null ? "" : `&cursor=${cursor}`}`,
        secret,
      );
      expect(status, query).toBe(200);
      expect(body.searched_to === null).toBe(body.next_cursor === null);
      ids.push(...body.data.map(({ id }) => id));
      cursor = body.next_cursor;
    } while (cursor !== null);
    return ids;
  };

  const random = randoms(seed);
  let before = await everyJob(db);
  expect(before.length).toBeGreaterThan(JOBS);
  for (let n = 0; n < FILTERS; n += 1) {
    const { query, takes } = randomFilter(random, before);
    // Some that run complete meanwhile, and some that wait begin to.
    const [ids] = await Promise.all([everyPage(query), n % 4 === 0 ? completeSome(db) : undefined]);
    const after = n % 4 === 0 ? await everyJob(db) : before;
    const sure = (rows: readonly Row[]) => new Set(rows.filter(takes).map(({ id }) => id));
    const [first, last] = [sure(before), sure(after)];
    expect(ids, query).toEqual([...ids].sort().reverse());
    expect(new Set(ids).size, query).toBe(ids.length);
    const found = new Set(ids);
    for (const id of first) if (last.has(id)) expect(found.has(id), `${query} misses ${id}`).toBe(true);
    for (const id of ids) expect(first.has(id) || last.has(id), `${query} finds ${id}`).toBe(true);
    before = after;
  }

  const search = "type=type_0&payload.customer.id=c7";
  const undeclared = await everyPage(search);
  expect(undeclared.length).toBeGreaterThan(100);
  await syncDefinitions(
    db,
    [
      defineJob({
        type: "type_0",
        queue: "queue_0",
        queues: ["queue_1", "queue_2"],
        payload: z.looseObject({}),
        search: ["/customer/id"],
      }),
    ],
    [],
  );
  expect(await everyPage(search)).toEqual(undeclared);

  // A key without payloads:read could guess what it may not see, and a bound one sees its part.
  for (const guess of ["payload.n=1", "metadata.tenant=t1", "error=order"])
    expect((await get(guess, `${KEY}-hidden`)).status, guess).toBe(403);
  const { fingerprint } = before.find((row) => row.fingerprint !== null)!;
  expect((await get(`error=${fingerprint}`, `${KEY}-hidden`)).status).toBe(200);
  const part = await everyPage("", `${KEY}-bound`);
  expect(part.sort()).toEqual(
    before
      .filter(({ type, queue }) => type === "type_1" && queue === "queue_0")
      .map(({ id }) => id)
      .sort(),
  );
  expect(await everyPage("type=type_0", `${KEY}-bound`)).toEqual([]);
}, 400_000);

/** Ends some of what runs as a settle does, and leases some of what waits. */
const completeSome = async (db: Db): Promise<void> => {
  await db.query(`
with ended as (
  delete from forgeq.job j using forgeq.lease l
  where l.claim_id = j.claim_id and j.id in (select u.id from forgeq.lease o cross join unnest(o.job_ids) u(id) order by u.id limit 2)
  returning j.*)
insert into forgeq.job_history (id, finished_at, created_at, state, life, priority, attempt, max_attempts, payload, queue, type, metadata, unique_key)
select id, now(), coalesce(created_at, run_at), 'completed', coalesce(life, 1), priority, attempt, max_attempts, payload, queue, type, metadata, unique_key
from ended`);
  await db.query(
    "delete from forgeq.lease l where not exists (select from forgeq.job j where j.claim_id = l.claim_id)",
  );
  await db.query("delete from forgeq.unique_key u where not exists (select from forgeq.job j where j.id = u.job_id)");
};
