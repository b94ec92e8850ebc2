/** Calls of workers, dispatchers and handlers. */
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { beginLease, extendLease, invocationFailed, recover, releaseUnbegun } from "../../../lib/db/protocol/leases.ts";
import { settle, type Ended } from "../../../lib/db/protocol/settle.ts";
import { settleAndTake, type SettleAndTake, type TakenLease } from "../../../lib/db/protocol/take.ts";
import { markDispatcher, nextDue, nextEvent, wakeWanted } from "../../../lib/db/protocol/wake.ts";
import { TYPES } from "../definitions.ts";
import { begunTen, claimTen, type World } from "../world.ts";

const IDLE =
  "select name from forgeq.queue where name not in ('emails', 'crawl', 'reports', 'capped') order by name limit 64";

const ERROR = { name: "Error", message: "connect ECONNREFUSED 10.0.1.12:25" };

const ended = (ids: readonly string[], more: Omit<Ended, "id">): Ended[] => ids.map((id) => ({ id, ...more }));

/** What a worker sends: outcomes, then a take from where the last one of each queue stopped. */
export const take = async (
  { db, worker, marks }: World,
  queues: readonly string[],
  more: Partial<SettleAndTake> = {},
): Promise<readonly TakenLease[]> => {
  const taken = await settleAndTake(db, {
    worker,
    settles: [],
    takes: queues.map((queue) => ({ queue, claimId: uuidV7(), watermarks: marks.get(queue) ?? null })),
    types: TYPES,
    maxJobs: 100,
    invocation: "scale",
    dueHorizonSeconds: 10,
    at: null,
    ...more,
  });
  for (const { queue, watermarks, continued } of taken.queues) marks.set(queue, continued ?? watermarks);
  return taken.leases;
};

const settlesOf = (leases: readonly TakenLease[], result?: unknown): SettleAndTake["settles"] =>
  leases.map(({ id, jobs }) => ({
    leaseId: id,
    all: true,
    ended: ended(
      jobs.map((job) => job.id),
      { outcome: "completed", ...(result !== undefined && { result }) },
    ),
  }));

const takes = async (world: World): Promise<void> => {
  const { call, measure } = world;
  const held: TakenLease[] = [];
  const taken = async (queues: readonly string[], more: Partial<SettleAndTake> = {}) => {
    const leases = await take(world, queues, more);
    held.push(...leases);
    if (leases.length === 0) throw new Error("nothing was taken");
  };
  await call("take of 100", () => taken(["emails"]));
  await measure("settle and take 100", async () => {
    if (held.length === 0) await taken(["emails"]);
    const settles = settlesOf(held.splice(0, 1));
    return () => taken(["emails"], { settles });
  });
  await measure("settle with results and take 100", async () => {
    if (held.length === 0) await taken(["emails"]);
    const settles = settlesOf(held.splice(0, 1), { ok: true });
    return () => taken(["emails"], { settles });
  });
  await call("take of 100, limited queue", () => taken(["crawl"]));
  await call("take of 10, all queues", () => taken(["crawl", "emails", "reports", "capped"], { maxJobs: 10 }));
  await call("take of 10, one type is another worker's", () =>
    taken(["emails"], { maxJobs: 10, types: TYPES.filter((type) => type !== "crawl_page") }),
  );
  await take(world, [], { settles: settlesOf(held) });
  // It finds nothing, each time from the beginning, as in a worker's sweep.
  const other = { ...world, marks: new Map<string, null>() };
  await call("sweep, the backlog is another worker's", () => {
    other.marks.clear();
    return take(other, ["crawl"], { types: ["generate_report"] });
  });
  await call("take, the backlog is another worker's", () => take(other, ["crawl"], { types: ["generate_report"] }));
  await call("idle take", () => take(world, ["quiet", "fleeting"]));
  const idle = await world.db.query<{ name: string }>(IDLE);
  const others = idle.map(({ name }) => name);
  await call("idle take of 64 queues", () => take(world, others, { housekeeping: { offer: null } }));
};

/** A lease that comes back without having begun blocks its type, and the next call needs jobs of it. */
const unblock = async ({ db }: World): Promise<void> => {
  await db.query("delete from forgeq.type_block");
};

const leases = async (world: World): Promise<void> => {
  const { db, worker, call, measure } = world;
  const holder = (leaseId: string) => ({ leaseId, begunBy: worker });
  await call("claim of 10", () => claimTen(world, "emails"));
  await call("claim of 10, limited queue", () => claimTen(world, "crawl"));
  await measure("begin of 10", async () => {
    const [lease] = await claimTen(world, "emails");
    const begun = { ...holder(lease?.id ?? ""), leaseSeconds: 600, invocation: "scale", at: null };
    return () => beginLease(db, begun);
  });
  await measure("extend", async () => {
    const { leaseId } = await begunTen(world);
    return () => extendLease(db, { ...holder(leaseId), leaseSeconds: 600, progress: null, at: null });
  });
  for (const [name, more] of [
    ["settle of 10", { outcome: "completed", result: { ok: true } }],
    ["settle of 10, retried", { outcome: "retry", error: ERROR, delay_seconds: 3_600 }],
    ["settle of 10, dead", { outcome: "dead", error: ERROR }],
  ] as const) {
    await measure(name, async () => {
      const { leaseId, ids } = await begunTen(world);
      return () => settle(db, holder(leaseId), ended(ids, more as Omit<Ended, "id">), null, true);
    });
  }
  await measure("settle of 10, limited queue", async () => {
    const { leaseId, ids } = await begunTen(world, "crawl");
    return () => settle(db, holder(leaseId), ended(ids, { outcome: "completed" }), null, true);
  });
  await measure("release of 10", async () => {
    await unblock(world);
    const [lease] = await claimTen(world, "emails");
    return () => releaseUnbegun(db, { leaseId: lease?.id ?? "", reason: "throttled", error: ERROR, at: null });
  });
  await measure("failed invocation of 10", async () => {
    await unblock(world);
    const { leaseId } = await begunTen(world);
    const input = { leaseId, invocation: "scale", reason: "function_error", error: ERROR, at: null } as const;
    return () => invocationFailed(db, input);
  });
};

/** How many leases of ten expire together; the bound of recover is for all of them. */
export const EXPIRED_LEASES = 20;

const recovered = async (world: World): Promise<void> => {
  const { db, call, measure } = world;
  await measure(`recover, ${EXPIRED_LEASES} leases of 10`, async () => {
    await unblock(world);
    for (let n = 0; n < EXPIRED_LEASES; n += 1) await claimTen(world, "emails", 0.001);
    return () => recover(db, 200, null);
  });
  await unblock(world);
  await call("recover, nothing expired", () => recover(db, 200, null));
};

const wakes = async ({ db, worker, call }: World): Promise<void> => {
  await call("wake wanted", () => wakeWanted(db, 0, null));
  await call("dispatcher mark", () => markDispatcher(db, worker, "active", null, null));
  await call("next event", () => nextEvent(db, null));
  await call("next due", () => nextDue(db, 120, null));
};

export const runnerCalls = async (world: World): Promise<void> => {
  await takes(world);
  await leases(world);
  await recovered(world);
  await wakes(world);
};
