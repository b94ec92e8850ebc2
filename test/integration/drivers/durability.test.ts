import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Sql } from "../../../lib/db/drivers/client.ts";
import { enqueueAndClaim, enqueueManyIn } from "../../../lib/db/protocol/enqueue.ts";
import { beginLease, claim } from "../../../lib/db/protocol/leases.ts";
import { settle } from "../../../lib/db/protocol/settle.ts";
import { notifyWorkers } from "../../../lib/db/protocol/listen.ts";
import { settleAndTake } from "../../../lib/db/protocol/take.ts";
import { setup } from "../../support/queue.ts";

/** Does what a call does wait for the disk? Asked inside its transaction. */
const setupDurability = async () => {
  const s = await setup();
  const waits = (work: (tx: typeof s.db) => Promise<unknown>): Promise<boolean> =>
    s.db.transaction(async (tx: Sql) => {
      // The tests' server does not.
      await tx.query("set local synchronous_commit = on");
      await work({ ...s.db, ...tx });
      const [row] = await tx.query<{ level: string }>("select current_setting('synchronous_commit') as level");
      return row!.level === "on";
    });
  const item = () => ({ id: uuidV7(), type: "plain", payload: {} });
  const take = (settles: Parameters<typeof settleAndTake>[1]["settles"]) => ({
    worker: uuidV7(),
    settles,
    takes: [{ queue: "plain", claimId: uuidV7(), watermarks: null }],
    types: ["plain"],
    maxJobs: 1,
    invocation: "test",
    dueHorizonSeconds: null,
    at: s.at(0),
  });
  return { ...s, waits, item, take };
};

it("only what was promised waits for the disk: enqueues and outcomes do, claims and hints don't", async () => {
  const { queue, waits, item, take, at } = await setupDurability();
  expect(await waits((tx) => enqueueManyIn(tx, [item()], true, at(0)))).toBe(true);
  const eager = { fresh: true, blockedTypes: [], dispatchSeconds: 90, at: at(0) };
  expect(await waits((tx) => enqueueAndClaim(tx, [item()], eager))).toBe(true);
  await queue.enqueue(4);

  const claimed = { queue: "plain", claimId: uuidV7(), maxJobs: 1, watermarks: null, blockedTypes: [] };
  expect(await waits((tx) => claim(tx, { ...claimed, dispatchSeconds: 90, at: at(0) }))).toBe(false);
  const [lease] = (await queue.claim(1)).leases;
  const holder = { leaseId: lease!.id, begunBy: uuidV7() };
  const begin = { ...holder, leaseSeconds: 60, invocation: null, at: at(0) };
  expect(await waits((tx) => beginLease(tx, begin))).toBe(false);
  expect(await waits((tx) => settle(tx, holder, [{ id: uuidV7(), outcome: "completed" }], at(0)))).toBe(true);
  expect(await waits((tx) => settleAndTake(tx, take([])))).toBe(false);
  const settles = [{ leaseId: uuidV7(), ended: [{ id: uuidV7(), outcome: "completed" as const }] }];
  expect(await waits((tx) => settleAndTake(tx, take(settles)))).toBe(true);
  expect(await waits((tx) => notifyWorkers(tx, { seconds: 0 }))).toBe(false);
});

it("is the caller's in a transaction of their own: no function of the protocol stops waiting for the disk", async () => {
  const { queue, waits } = await setupDurability();
  await queue.enqueue(3);
  const [lease] = (await queue.claim(1)).leases;
  const calls: readonly (readonly [string, unknown[]])[] = [
    ["select from forgeq.claim('plain', $1, 1)", [uuidV7()]],
    ["select from forgeq.begin($1, $2, 60)", [lease!.id, uuidV7()]],
    ["select from forgeq.settle_and_take($1, '[]', '[]', '{plain}', 1)", [uuidV7()]],
    ["select from forgeq.extend($1, $2, 60)", [uuidV7(), uuidV7()]],
    ["select from forgeq.recover()", []],
  ];
  for (const [text, params] of calls) expect(await waits((tx) => tx.query(text, params)), text).toBe(true);
});
