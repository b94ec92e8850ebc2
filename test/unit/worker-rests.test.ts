import { expect, it } from "vitest";
import { ForgeqError } from "../../lib/core/errors.ts";
import type { SettledAndTaken } from "../../lib/db/protocol/take.ts";
import { setupPump } from "../support/worker/pump.ts";

const MINUTE_SECONDS = 60;

it.each<[string, () => Promise<SettledAndTaken>]>([
  ["is refused", () => Promise.reject(new ForgeqError("invalid_job", "refused"))],
  ["fails with an error of Postgres", () => Promise.reject(new Error("permission denied"))],
  ["can't be reached", () => Promise.reject(new ForgeqError("database_unavailable", "away"))],
  ["is answered with something that can't be used", () => Promise.resolve({ serverMs: 1 } as SettledAndTaken)],
])("sends a statement that always %s ever more rarely", async (_, answer) => {
  const sentAt: number[] = [];
  const world = setupPump(1, 5, () => {
    sentAt.push(world.virtual.now());
    // A loop without pauses ends here.
    return sentAt.length > 1000 ? new Promise(() => undefined) : answer();
  });
  world.worker.hint(0, "plain");
  for (let n = 0; n < MINUTE_SECONDS; n += 1) {
    world.worker.hint(0, "plain");
    await world.virtual.pass(1);
  }
  expect(sentAt.length).toBeGreaterThan(5);
  // Two statements may be under way, each with pauses of 0.1 s, doubled up to 5 s.
  expect(sentAt.length).toBeLessThan(60);
  const stopped = world.worker.stop(0);
  await world.virtual.pass(60);
  await stopped;
});
