import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { createPushAddress } from "../../../lib/db/protocol/push-address.ts";
import { createPushChannel } from "../../../lib/db/protocol/push.ts";
import { clientConfig } from "../../../lib/db/drivers/pg.ts";
import type { TakenLease } from "../../../lib/db/protocol/take.ts";
import { offerCapacity } from "../../../lib/db/protocol/capacity-offer.ts";
import { JOB } from "../../support/worker/local-start.ts";
import { setupPushes } from "../../support/worker/push.ts";
import { until } from "../../support/worker/worker.ts";

const WAITS_FOR_LAST = `select from pg_stat_activity
where datname = current_database() and query like '%worker_lock($1, 4)%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()`;

const OWN_LOCKS = "select count(*)::int as locks from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";

it("stops listening when it has heard what was being pushed", async () => {
  const s = await setupPushes();
  const { worker, listener } = await s.startOffering(async () => undefined);
  const other = await connectDb({ url: s.url });
  onTestFinished(() => other.close());
  let closing: Promise<boolean> | undefined;
  await other.transaction(async (tx) => {
    await tx.query(
      `select forgeq.enqueue_lines(array[$1::uuid], '{"n":1}', array['plain'], fresh => true, start => 'push') as stored`,
      [uuidV7()],
    );
    closing = listener.close();
    await until(async () => (await s.db.query(WAITS_FOR_LAST)).length > 0);
  });
  await closing;
  await worker.stop(5_000);
  expect(worker.settled).toEqual(new Map([["completed", 1]]));
});

it("is gone for producers before its connection ends", async () => {
  const s = await setupPushes();
  const worker = uuidV7();
  const taken: TakenLease[] = [];
  const address = createPushAddress();
  const hearing = createPushChannel({ worker, address, take: (lease) => taken.push(lease) });
  const client = new pg.Client(clientConfig({ url: s.url }));
  await client.connect();
  onTestFinished(() => client.end());
  client.on("notification", ({ payload = "" }) => hearing.received(payload));
  await hearing.listen(client);
  await hearing.begin(client);
  const { channel } = address;
  const offer = { queues: null, types: ["plain"], seconds: 60, channel, key: address.keyOf(0) };
  await offerCapacity(s.db, { worker, offer, invocation: "test", at: null });
  expect((await s.enqueue(JOB))[0]!.job.state).toBe("running");
  expect(await hearing.end(client, s.db, 2_000)).toBe(true);
  expect(taken).toHaveLength(1);
  expect((await s.enqueue(JOB))[0]!.job.state).toBe("pending");
  // When the connection ends its locks are freed one by one: the one that says that it listens is not among them.
  expect(await client.query(OWN_LOCKS).then(({ rows }) => rows)).toEqual([{ locks: 1 }]);
});
