import { expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { JOB } from "../../support/worker/local-start.ts";
import { setupPushes } from "../../support/worker/push.ts";
import { createVirtualTime } from "../../support/virtual-time.ts";
import { until } from "../../support/worker/worker.ts";

/** Beyond the polls of the first seconds, and far from the next one: statements that are sent now take nothing. */
const BETWEEN_POLLS_SECONDS = 8;

it("starts a pushed job while a statement that takes nothing is under way", async () => {
  const s = await setupPushes();
  const time = createVirtualTime(0);
  const released = Promise.withResolvers<void>();
  /** The takes of statements that wait for `released`. */
  const held: unknown[] = [];
  let holding = false;
  const db: Db = {
    ...s.deps.db,
    query: (text, params) =>
      time.working(async () => {
        if (holding && text.includes("forgeq:settle_and_take")) {
          held.push(JSON.parse(params?.[2] as string));
          await released.promise;
        }
        const rows = await s.deps.db.query<never>(text, params);
        // Time stands still until the probe of an offer has arrived.
        if (!holding && text.includes("forgeq:settle_and_take")) await until(() => isProved());
        return rows;
      }),
  };
  let isProved = (): boolean => true;
  const started: unknown[] = [];
  const { worker } = await s.startListening(
    async (payload) => void started.push(payload["n"]),
    { concurrency: 10 },
    { db, time: time.time, random: () => 0.5 },
  );
  isProved = () => worker.describe().state["awaitsProbe"] === false;
  await until(() => s.offered(worker));
  await time.pass(BETWEEN_POLLS_SECONDS);

  holding = true;
  await s.enqueue({ ...JOB, payload: { n: 1 } });
  await until(() => held.length > 0);
  const [second] = await s.enqueue({ ...JOB, payload: { n: 2 } });
  expect(second!.job.state).toBe("running");
  await until(() => started.length === 2);
  expect({ started, held }).toEqual({ started: [1, 2], held: [[]] });

  released.resolve();
  await until(() => worker.settled.get("completed") === 2);
});
