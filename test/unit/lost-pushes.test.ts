import { expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { createListeningProof } from "../../lib/queue/worker/listening-proof.ts";
import { createLostPushes } from "../../lib/queue/worker/lost-pushes.ts";
import { createWorkerState } from "../../lib/queue/worker/worker-state.ts";
import { createVirtualTime } from "../support/virtual-time.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const state = () => createWorkerState({ concurrency: 10 }, true);

/** Lost pushes of a worker whose database answers every begin with `lease_lost`, or not at all. */
const setupLost = () => {
  const time = createVirtualTime(0);
  const asked: unknown[] = [];
  const known = new Set<string>();
  let away = false;
  const query = (_: string, params: readonly unknown[] = []): Promise<never[]> => {
    asked.push(params[0]);
    return away ? Promise.reject(new Error("away")) : Promise.resolve([]);
  };
  const db = { driver: "pg", query } as unknown as Db;
  const deps = { db, clock: () => null, time: time.time, logger: recordingLogger() } as unknown as Deps;
  const of = state();
  const lost = createLostPushes(
    deps,
    of,
    { id: uuidV7(), invocation: "test" },
    {
      leases: { holds: (id) => known.has(id) },
      offer: { waits: () => false, push: () => undefined },
      pump: () => undefined,
    },
  );
  return { time, asked, known, state: of, lost, setAway: (is: boolean) => (away = is) };
};

const lease = () => ({ id: uuidV7(), leaseSeconds: 60 });

it("gives a notification that is on its way a moment to arrive", async () => {
  const s = setupLost();
  const [late, lost] = [lease(), lease()];
  s.lost.found([late, lost]);
  expect(s.state.waits).toBe(1);
  s.known.add(late.id);
  await s.time.pass(1);
  expect([s.asked, s.state.waits]).toEqual([[lost.id], 0]);
});

it("asks for a lease once, and again where the database was away", async () => {
  const s = setupLost();
  const one = lease();
  s.setAway(true);
  s.lost.found([one]);
  await s.time.pass(1);
  expect(s.lost.tookUp(one.id)).toBe(false);
  s.setAway(false);
  for (let n = 0; n < 3; n += 1) {
    s.lost.found([one]);
    await s.time.pass(1);
  }
  expect(s.asked).toEqual([one.id, one.id]);
});

it("leaves leases alone whose outcomes could not be written", async () => {
  const s = setupLost();
  const one = lease();
  s.lost.leave([one.id]);
  s.lost.found([one]);
  await s.time.pass(1);
  expect([s.asked, s.state.waits]).toEqual([[], 0]);
});

it("proves that notifications arrive, or that they do not, by probes that were sent", async () => {
  const time = createVirtualTime(0);
  const of = state();
  let silent = 0;
  const proof = createListeningProof(of, time.time, () => (silent += 1));

  const first = proof.next();
  expect(of.awaitsProbe).toBe(true);
  proof.arrived("probe of another");
  expect(of.awaitsProbe).toBe(true);
  proof.arrived(first);
  proof.answered(true);
  await time.pass(10);
  expect([of.awaitsProbe, silent]).toEqual([false, 0]);

  proof.next();
  proof.answered(false);
  await time.pass(10);
  expect([of.awaitsProbe, silent]).toEqual([false, 0]);

  proof.next();
  proof.answered(true);
  await time.pass(2);
  expect(silent).toBe(0);
  await time.pass(1);
  expect([of.awaitsProbe, of.probesLost, silent]).toEqual([false, 1, 1]);

  proof.next();
  proof.answered(true);
  proof.reset();
  await time.pass(10);
  expect([of.awaitsProbe, silent]).toEqual([false, 1]);
});
