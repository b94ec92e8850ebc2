import { expect, it } from "vitest";
import { setup, strays } from "../../support/queue.ts";
import { expectWaiting } from "../../support/database/waiting.ts";

it("completes a job whose row somebody's update moves while the settle waits for it", async () => {
  const { db, queue } = await setup();
  const [id] = await queue.enqueue();
  const held = await queue.lease();

  const settled = await db.transaction(async (tx) => {
    await tx.query("update forgeq.job set metadata = '{}', priority = 9 where id = $1", [id]);
    const settling = queue.settle(held, "completed");
    await expectWaiting(db);
    return { settling };
  });

  expect(await settled.settling).toMatchObject({ outcome: "settled", jobs: { [id!]: "completed" } });
  expect(await queue.state(id!)).toBe("completed");
  expect(await strays(db)).toBe(0);
});
