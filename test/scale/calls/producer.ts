/** Calls of those who enqueue. */
import pg from "pg";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { offerCapacity } from "../../../lib/db/protocol/capacity-offer.ts";
import { enqueueAndBegin, enqueueAndClaim, enqueueMany, enqueueManyIn } from "../../../lib/db/protocol/enqueue.ts";
import { createPushAddress } from "../../../lib/db/protocol/push-address.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { begunTen, item, items, refill, type World } from "../world.ts";
import { ONCE } from "../meter.ts";

const plain = async ({ db, call, measure }: World): Promise<void> => {
  await call("enqueue", () => enqueueMany(db, [item()], true, null));
  await call("enqueue of 1,000", () => enqueueMany(db, items(1_000), true, null));
  await call("enqueue, id given", () => enqueueMany(db, [item()], false, null));
  await call("enqueue of 100, ids given", () => enqueueMany(db, items(100), false, null));
  await measure("enqueue, sent again", async () => {
    const job = item();
    await enqueueMany(db, [job], true, null);
    return () => enqueueMany(db, [job], false, null);
  });
  await call("enqueue, due later", () => enqueueMany(db, [item({ delaySeconds: 3_600 })], true, null));
  await call("enqueue, unique key", () => enqueueMany(db, [item({ uniqueKey: uuidV7() })], true, null));
  await call("enqueue, unique key held", () => enqueueMany(db, [item({ uniqueKey: "held" })], true, null));
  await call("enqueue, max_pending", () => enqueueMany(db, [item({ type: "capped_job" })], true, null));
  await call("enqueue of 1,000, max_pending", () => enqueueMany(db, items(1_000, { type: "capped_job" }), true, null));
  await call("enqueue in a transaction", () => db.transaction((tx) => enqueueManyIn(tx, [item()], true, null)));
  await call("forgeq.enqueue in SQL", () =>
    db.query("select forgeq.enqueue('send_email', '{\"email\": \"a@example.com\"}')"),
  );
};

const ofHistory = async (world: World): Promise<void> => {
  const { db, measure } = world;
  const done = await db.query<{ id: string; payload: unknown; unique_key: string | null }>(
    `select id, payload, unique_key from forgeq.job_history
     where state = 'completed' and type = 'send_email' and unique_key is null and finished_at > now() - interval '10 days' limit 1000`,
  );
  if (done.length < 200) return;
  await measure("enqueue, id in history", () => {
    const { id, payload } = done.pop()!;
    return Promise.resolve(() => enqueueMany(db, [item({ id, payload })], false, null));
  });
  await measure("enqueue of 100, ids in history", () => {
    const jobs = done.slice(0, 100).map(({ id, payload }) => item({ id, payload }));
    return Promise.resolve(() => enqueueMany(db, jobs, false, null));
  });
};

/** Jobs that start without a look of a worker or a dispatcher, where nothing waits that they would overtake. */
const started = async (world: World, url: string): Promise<void> => {
  const { db, worker, call, measure } = world;
  const at = null;
  const local = { queue: "fleeting", worker, invocation: "scale", at };
  await call("local start", () => enqueueAndBegin(db, [item({ type: "fleeting_job" })], local));
  const eager = { fresh: true, blockedTypes: [], dispatchSeconds: 90, at };
  await call("eager enqueue", () => enqueueAndClaim(db, [item({ type: "fleeting_job" })], eager));

  // A worker listens as long as a session of its holds this lock: see migrations/functions/choose_worker.sql.
  const listener = new pg.Client({ connectionString: url });
  await listener.connect();
  const address = createPushAddress();
  await listener.query("select pg_advisory_lock_shared(forgeq.worker_lock($1::uuid, 3))", [worker]);
  await measure("enqueue, pushed", async () => {
    const offer = { queues: null, types: ["fleeting_job"], seconds: 60, channel: address.channel };
    await offerCapacity(db, {
      worker,
      offer: { ...offer, key: address.keyOf(performance.now()) },
      invocation: "scale",
      at,
    });
    return async () => {
      const [row] = await enqueueMany(db, [item({ type: "fleeting_job" })], true, null, true);
      if (row?.announced !== true) throw new Error("the job was not pushed");
    };
  });
  await listener.end();
};

/** A queue that keeps nothing of what has completed. */
const notKept = async (world: World): Promise<void> => {
  const { db, worker, measure } = world;
  const completed = async () => {
    await refill(world, "fleeting_job", 10);
    const { leaseId, ids } = await begunTen(world, "fleeting");
    return { leaseId, ids, ended: ids.map((id) => ({ id, outcome: "completed" as const })) };
  };
  await measure("settle of 10, not kept", async () => {
    const { leaseId, ended } = await completed();
    return () => settle(db, { leaseId, begunBy: worker }, ended, null, true);
  });
  await measure(
    "enqueue, sent again, not kept",
    async () => {
      const { leaseId, ids, ended } = await completed();
      await settle(db, { leaseId, begunBy: worker }, ended, null, true);
      return () => enqueueMany(db, [item({ id: ids[0] ?? "", type: "fleeting_job" })], false, null);
    },
    { ...ONCE, warm: 1 },
  );
};

export const producerCalls = async (world: World, url: string): Promise<void> => {
  await plain(world);
  await ofHistory(world);
  await started(world, url);
  await notKept(world);
};
