import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/client.ts";
import { connectDb } from "../../lib/db/connect.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { violations } from "../support/invariants.ts";
import { withPauses } from "../support/pauses.ts";
import { type Held, setup, type Setup } from "../support/queue.ts";

const FUNCTIONS = new URL("../../migrations/functions/", import.meta.url);
const LOCK = 4711;

let database: TestDatabase;
let victim: Db;
beforeAll(async () => {
  database = await createTestDatabase({ max: 8 });
  await database.db.query("create table public.visited (point text primary key)");
  await database.db.query(
    `create function public.pause(point text) returns text language plpgsql as $$ begin
       if current_setting('forgeq.pause', true) = point then perform pg_advisory_xact_lock(${LOCK}); end if;
       if current_setting('forgeq.pause', true) = 'visit' then insert into public.visited values (point) on conflict do nothing; end if;
       return null; end $$`,
  );
  for (const file of readdirSync(FUNCTIONS)) {
    const paused = withPauses(file.replace(".sql", ""), readFileSync(new URL(file, FUNCTIONS), "utf8"));
    if (paused === null) continue;
    await database.db.query(paused.sql);
  }
  // One connection, so that its session's setting reaches the call.
  victim = await connectDb({ url: database.url, max: 1, statementSeconds: 30 });
});
afterAll(async () => {
  await victim.close();
  await database.drop();
});

interface Scene extends Setup {
  readonly ids: string[];
  readonly leaseId: string;
  readonly held: Held;
  readonly free: string;
}

/** Three jobs under a lease, begun or not, and a fourth that waits. */
const scene = async (begun: boolean, limit: number | null): Promise<Scene> => {
  const s = await setup({ database });
  await s.db.query("update forgeq.queue set max_in_flight = $1", [limit]);
  const ids = await s.queue.enqueue(3, {});
  await s.db.query("insert into forgeq.unique_key select type, id::text, id from forgeq.job");
  await s.db.query("update forgeq.job set unique_key = id::text");
  const leaseId = (await s.queue.claim()).leases[0]!.id;
  const held = begun ? ((await s.queue.begin(leaseId)) as Held) : { leaseId, begunBy: uuidV7(), jobIds: ids };
  const [free] = await s.queue.enqueue(1);
  return { ...s, ids, leaseId, held, free: free! };
};

type Call = (db: Db, s: Scene) => Promise<unknown>;
const call =
  (text: string, params: (s: Scene) => unknown[]): Call =>
  (db, s) =>
    db.query(text, params(s));

const ended = (s: Scene) =>
  JSON.stringify([
    { id: s.ids[0], outcome: "completed", result: 1 },
    { id: s.ids[1], outcome: "retry", error: { name: "E", message: "no" } },
  ]);

const CALLS = {
  claim: call("select * from forgeq.claim('plain', $1, 10, at => $2)", (s) => [uuidV7(), s.at(1)]),
  begin: call("select * from forgeq.begin($1, $2, 60, 'other', $3)", (s) => [s.leaseId, uuidV7(), s.at(1)]),
  extend: call(`select * from forgeq.extend($1, $2, 60, '{"x": {"fraction": 1}}', $3)`, (s) => [s.leaseId, s.held.begunBy, s.at(1)]), // prettier-ignore
  settle: call("select * from forgeq.settle($1, $2, $3, $4)", (s) => [s.leaseId, s.held.begunBy, ended(s), s.at(1)]),
  "settle all": call("select * from forgeq.settle($1, $2, $3, $4)", (s) => [s.leaseId, s.held.begunBy, JSON.stringify(s.ids.map((id) => ({ id, outcome: "completed" }))), s.at(1)]), // prettier-ignore
  release: call("select * from forgeq.release($1, null, 'undispatched', at => $2)", (s) => [s.leaseId, s.at(1)]),
  "release begun": call("select * from forgeq.release($1, $2, at => $3)", (s) => [s.leaseId, s.held.begunBy, s.at(1)]),
  recover: call("select * from forgeq.recover(10, $1)", (s) => [s.at(100)]),
  invocation_failed: call("select * from forgeq.invocation_failed($1, 'request', 'function_error', at => $2)", (s) => [s.leaseId, s.at(1)]), // prettier-ignore
  "cancel held": call("select * from forgeq.cancel($1, $2)", (s) => [s.ids[0], s.at(1)]),
  "cancel free": call("select * from forgeq.cancel($1, $2)", (s) => [s.free, s.at(1)]),
} satisfies Record<string, Call>;
type Name = keyof typeof CALLS;

const waiting = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ n: number }>(
    "select count(*)::int as n from pg_locks where not granted and (database is null or database = (select oid from pg_database where datname = current_database()))",
  );
  return row?.n ?? 0;
};

/** Runs `first`, holds it at `point`, runs `second` meanwhile, lets go. False when it never came to that point. */
const meetAt = async (s: Scene, point: string, first: Name, second: Name): Promise<boolean> => {
  await victim.query("select set_config('forgeq.pause', $1, false)", [point]);
  let reached = false;
  const running: Promise<unknown>[] = [];
  await s.db.transaction(async (tx) => {
    await tx.query("select pg_advisory_xact_lock($1)", [LOCK]);
    let done = false;
    running.push(CALLS[first](victim, s).finally(() => (done = true)));
    while (!done && !reached) reached = (await waiting(s.db)) > 0;
    if (!reached) return;
    let met = false;
    running.push(CALLS[second](s.db, s).finally(() => (met = true)));
    // It has answered, or it waits for the one that is held.
    while (!met && (await waiting(s.db)) < 2);
  });
  await Promise.all(running);
  return reached;
};

/** The places that a call comes to when nobody disturbs it. */
const visited = async (first: Name, begun: boolean): Promise<string[]> => {
  const s = await scene(begun, null);
  await s.db.query("truncate public.visited");
  await victim.query("select set_config('forgeq.pause', 'visit', false)");
  await CALLS[first](victim, s);
  const rows = await s.db.query<{ point: string }>("select point from public.visited order by point");
  return rows.map((row) => row.point);
};

/** Whatever state it is in now, every job comes to its end in the ordinary way. */
const finish = async (s: Scene): Promise<void> => {
  for (let seconds = 200; seconds < 2_000; seconds += 100) {
    if ((await s.db.query("select from forgeq.job")).length === 0) break;
    s.moveTo(seconds);
    await s.db.query("select forgeq.recover(100, $1)", [s.at(seconds)]);
    s.moveTo(seconds + 50);
    for (const lease of (await s.queue.claim()).leases) {
      const held = await s.queue.begin(lease.id);
      if (held !== "lease_lost") await s.queue.settle(held, "completed");
    }
  }
  const left = await s.db.query("select from forgeq.job");
  const finished = await s.db.query("select from forgeq.job_history");
  expect([left.length, finished.length]).toEqual([0, 4]);
  expect(await s.db.query("select from forgeq.lease")).toHaveLength(0);
  expect(await s.db.query("select from forgeq.unique_key")).toHaveLength(0);
};

/** [the call that is held, does its lease have begun, what meets it] */
const MEETINGS: readonly [Name, boolean, readonly Name[]][] = [
  ["claim", false, ["cancel free", "cancel held", "claim", "recover"]],
  ["begin", false, ["cancel held", "begin", "recover", "release", "invocation_failed"]],
  ["settle", true, ["cancel held", "extend", "recover", "settle", "settle all", "invocation_failed"]],
  ["settle all", true, ["cancel held", "extend", "recover", "settle", "claim"]],
  ["release", false, ["cancel held", "begin", "recover", "release"]],
  ["release begun", true, ["cancel held", "extend", "settle", "recover"]],
  ["recover", true, ["cancel held", "extend", "settle", "settle all", "recover", "claim"]],
  ["recover", false, ["cancel held", "begin", "release"]],
  ["invocation_failed", true, ["cancel held", "extend", "settle", "recover"]],
  ["cancel held", true, ["extend", "settle", "settle all", "recover"]],
  ["cancel held", false, ["begin", "release", "recover", "claim"]],
  ["cancel free", false, ["claim", "cancel free"]],
  ["extend", true, ["cancel held", "settle all", "recover"]],
];

describe.each(MEETINGS)("a %s (lease begun: %s) held at each of its statements", (first, begun, seconds) => {
  it.each(seconds)("leaves nothing behind when it meets a %s", { timeout: 120_000 }, async (second) => {
    const reached: string[] = [];
    for (const point of await visited(first, begun)) {
      const s = await scene(begun, null);
      if (!(await meetAt(s, point, first, second))) continue;
      reached.push(point);
      expect(await violations(s.db), point).toEqual([]);
      await finish(s);
      expect(await violations(s.db), point).toEqual([]);
    }
    expect(reached.length).toBeGreaterThan(1);
  });
});
