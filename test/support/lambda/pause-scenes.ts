import { expect } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { TestDatabase } from "../database/database.ts";
import { type Held, setup, type Setup } from "../queue.ts";

/**
 * Where two calls meet. `leased`, `begun`: three jobs under such a lease, and a fourth that waits. `limited`: three jobs under a
 * lease that has not begun, two that wait, and one place left in the queue. `roomy`: three jobs under such a lease, none waits, and
 * one place left. `ended`: a dead job whose unique key is free.
 */
export type SceneKind = "leased" | "begun" | "limited" | "roomy" | "ended";

export interface Scene extends Setup {
  readonly ids: readonly string[];
  readonly leaseId: string;
  readonly held: Held;
  /** A job that waits; in `roomy` one that is stored by "enqueue eagerly". */
  readonly free: string;
  /** Lives that have ended once everything has. */
  readonly lives: number;
}

const KEY = "same";

export const createScene = async (database: TestDatabase, kind: SceneKind): Promise<Scene> => {
  const s = await setup({ database });
  if (kind === "ended") {
    const ids = await s.queue.enqueue(1, { uniqueKey: KEY, payload: { n: 0 } });
    const held = await s.queue.lease();
    await s.queue.settle(held, "dead");
    return { ...s, ids, leaseId: held.leaseId, held, free: ids[0]!, lives: 2 };
  }
  if (kind === "limited" || kind === "roomy") await s.db.query("update forgeq.queue set max_in_flight = 4");
  const ids = await s.queue.enqueue(3);
  await s.db.query("insert into forgeq.unique_key select type, id::text, id from forgeq.job");
  await s.db.query("update forgeq.job set unique_key = id::text");
  const leaseId = (await s.queue.claim()).leases[0]!.id;
  const held =
    kind === "begun" ? ((await s.queue.begin(leaseId)) as Held) : { leaseId, begunBy: uuidV7(), jobIds: ids };
  if (kind === "roomy") {
    await s.db.query("update forgeq.job_type set batch_size = 1");
    return { ...s, ids, leaseId, held, free: uuidV7(), lives: ids.length + 1 };
  }
  const waiting = await s.queue.enqueue(kind === "limited" ? 2 : 1);
  return { ...s, ids, leaseId, held, free: waiting[0]!, lives: ids.length + waiting.length };
};

type Call = (db: Db, s: Scene) => Promise<unknown>;
const call =
  (text: string, params: (s: Scene) => unknown[]): Call =>
  (db, s) =>
    db.query(text, params(s));

const enqueue = (fresh: boolean): Call =>
  call(`select * from forgeq.enqueue_many($1, ${fresh}, $2)`, (s) => [
    JSON.stringify([{ id: uuidV7(), type: "plain", payload: { n: 0 }, unique_key: KEY }]),
    s.at(1),
  ]);

const enqueueEagerly = call("select * from forgeq.enqueue_and_claim($1, false, at => $2)", (s) => [
  JSON.stringify([{ id: s.free, type: "plain", payload: { n: 0 } }]),
  s.at(1),
]);

const ended = (s: Scene) =>
  JSON.stringify([
    { id: s.ids[0], outcome: "completed", result: 1 },
    { id: s.ids[1], outcome: "retry", error: { name: "E", message: "no" } },
  ]);

/** What meets, by name. */
export const CALLS = {
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
  retry: call("select * from forgeq.retry($1, 1, $2)", (s) => [s.ids[0], s.at(1)]),
  "enqueue eagerly": enqueueEagerly,
  "enqueue with that key": enqueue(true),
  "enqueue with that key, by id": enqueue(false),
} satisfies Record<string, Call>;
export type CallName = keyof typeof CALLS;

const LEFT = `select (select count(*)::int from forgeq.job) as jobs, (select count(*)::int from forgeq.lease) as leases,
  (select count(*)::int from forgeq.unique_key) as keys, (select count(*)::int from forgeq.job_history) as lives`;

/** Whatever state it is in now, every job comes to its end in the ordinary way. */
export const finish = async (s: Scene): Promise<void> => {
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
  expect(await s.db.query(LEFT)).toEqual([{ jobs: 0, leases: 0, keys: 0, lives: s.lives }]);
};
