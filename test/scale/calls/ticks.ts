/** The parts of a tick, and a tick. */
import { ensurePartitions } from "../../../lib/db/drivers/partitions.ts";
import { purge, repair } from "../../../lib/db/protocol/maintenance.ts";
import { foldCounters } from "../../../lib/db/reads/metrics.ts";
import { dueSchedules } from "../../../lib/db/reads/schedules.ts";
import { observeQueues } from "../../../lib/queue/observe/queue-stats.ts";
import { fireSchedules } from "../../../lib/queue/schedule/fire-schedules.ts";
import { tick } from "../../../lib/queue/schedule/tick.ts";
import { TICK_PARTS } from "../../../lib/queue/schedule/tick-parts.ts";
import { ONCE } from "../meter.ts";
import type { World } from "../world.ts";

const ROWS_PER_CALL = 5_000;
const OTHER_PARTS: ReadonlySet<string> = new Set(["recover", "clock", "pauses", "wake", "repair"]);

/** Until nothing is left, or a purge takes more calls than a tick has time for. */
const purgeAll = async ({ db }: World): Promise<void> => {
  for (let n = 0; n < 100 && (await purge(db, ROWS_PER_CALL, null)).more;) n += 1;
};

const ALL_DUE = `update forgeq.schedule
set decided_until = date_trunc('milliseconds', now() - interval '1 minute'), next_slot_at = date_trunc('minute', now())
where name like 's0%'`;

export const tickCalls = async (world: World): Promise<void> => {
  const { db, deps, sizes, call, measure } = world;
  await call("partitions, none to make", () => ensurePartitions(db, null));
  await call("fold", () => foldCounters(db, null));
  await measure("purge, nothing due", async () => {
    await purgeAll(world);
    return () => purge(db, ROWS_PER_CALL, null);
  });
  await call("repair, a slice of 5,000", () => repair(db, null, ROWS_PER_CALL, null));
  await call("due schedules, none", () => dueSchedules(db, 100, null, null));
  await call("observe queues", () => observeQueues(deps));
  // The others are among the calls before.
  for (const { name, run } of TICK_PARTS.filter(({ name }) => OTHER_PARTS.has(name)))
    await call(`tick, ${name}`, () => run(deps, () => true), { warm: 1, runs: 1, locks: false });
  await call("tick, nothing due", () => tick(deps, () => 60_000), { warm: 1, runs: 1, locks: false });
  if (sizes.schedules === 0) return;
  await measure(
    "all schedules in one minute",
    async () => {
      await db.query(ALL_DUE);
      return async () => {
        const { schedules } = await fireSchedules(deps, () => false);
        if (schedules < sizes.schedules) throw new Error(`${schedules} schedules were fired`);
      };
    },
    ONCE,
  );
};
