import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Db } from "../../lib/db/drivers/client.ts";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { violations } from "../support/database/invariants.ts";
import {
  type CallName,
  CALLS,
  createScene,
  finish,
  type Scene,
  type SceneKind,
} from "../support/lambda/pause-scenes.ts";
import { withPauses } from "../support/lambda/pauses.ts";

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

const waiting = async (db: Db): Promise<number> => {
  const [row] = await db.query<{ n: number }>(
    "select count(*)::int as n from pg_locks where not granted and (database is null or database = (select oid from pg_database where datname = current_database()))",
  );
  return row?.n ?? 0;
};

/** Runs `first`, holds it at `point`, runs `second` meanwhile, lets go. False when it never came to that point. */
const meetAt = async (s: Scene, point: string, first: CallName, second: CallName): Promise<boolean> => {
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
    expect(await violations(s.db), point).toEqual([]);
  });
  await Promise.all(running);
  return reached;
};

/** The places that a call comes to when nobody disturbs it. */
const visited = async (first: CallName, kind: SceneKind): Promise<string[]> => {
  const s = await createScene(database, kind);
  await s.db.query("truncate public.visited");
  await victim.query("select set_config('forgeq.pause', 'visit', false)");
  await CALLS[first](victim, s);
  const rows = await s.db.query<{ point: string }>("select point from public.visited order by point");
  return rows.map((row) => row.point);
};

/** [the call that is held, where, what meets it] */
const MEETINGS: readonly [CallName, SceneKind, readonly CallName[]][] = [
  ["claim", "leased", ["cancel free", "cancel held", "claim", "recover"]],
  ["begin", "leased", ["cancel held", "begin", "recover", "release", "invocation_failed"]],
  ["settle", "begun", ["cancel held", "extend", "recover", "settle", "settle all", "invocation_failed"]],
  ["settle all", "begun", ["cancel held", "extend", "recover", "settle", "claim"]],
  ["release", "leased", ["cancel held", "begin", "recover", "release"]],
  ["release begun", "begun", ["cancel held", "extend", "settle", "recover"]],
  ["recover", "begun", ["cancel held", "extend", "settle", "settle all", "recover", "claim"]],
  ["recover", "leased", ["cancel held", "begin", "release"]],
  ["invocation_failed", "begun", ["cancel held", "extend", "settle", "recover"]],
  ["cancel held", "begun", ["extend", "settle", "settle all", "recover"]],
  ["cancel held", "leased", ["begin", "release", "recover", "claim"]],
  ["cancel free", "leased", ["claim", "cancel free"]],
  ["extend", "begun", ["cancel held", "settle all", "recover"]],
  ["claim", "limited", ["claim", "recover"]],
  ["recover", "limited", ["claim"]],
  ["enqueue eagerly", "roomy", ["claim", "recover", "release", "enqueue eagerly"]],
  ["claim", "roomy", ["enqueue eagerly"]],
  ["recover", "roomy", ["enqueue eagerly"]],
  ["retry", "ended", ["enqueue with that key", "enqueue with that key, by id", "retry"]],
  ["enqueue with that key", "ended", ["retry"]],
  ["enqueue with that key, by id", "ended", ["retry"]],
];

describe.each(MEETINGS)("a %s (%s) held at each of its statements", (first, kind, seconds) => {
  let points: string[];
  beforeAll(async () => {
    points = await visited(first, kind);
  });

  it.each(seconds)("leaves nothing behind when it meets a %s", { timeout: 120_000 }, async (second) => {
    const reached: string[] = [];
    for (const point of points) {
      const s = await createScene(database, kind);
      if (!(await meetAt(s, point, first, second))) continue;
      reached.push(point);
      expect(await violations(s.db), point).toEqual([]);
      await finish(s);
      expect(await violations(s.db), point).toEqual([]);
    }
    expect(reached.length).toBeGreaterThan(1);
  });
});
