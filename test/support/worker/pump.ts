/** A worker without a database: its statements go to a fake protocol, in virtual time. */
import { expect } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { settleAndTake } from "../../../lib/db/protocol/take.ts";
import type { Deps, Logger } from "../../../lib/queue/deps.ts";
import type { Work } from "../../../lib/queue/run/run-job.ts";
import { wireWorker } from "../../../lib/queue/worker/worker.ts";
import { createVirtualTime } from "../virtual-time.ts";
import { createFakeProtocol, seeded } from "./fake-protocol.ts";

export const CONCURRENCY = 24;
const plain = defineJob({ type: "plain", queue: "plain", payload: z.looseObject({}) });
const narrow = defineJob({ type: "narrow", queue: "plain", payload: z.looseObject({}), batchSize: 10, concurrency: 1 });

const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const noDatabase = (): Promise<never> => Promise.reject(new Error("there is no database"));
const db: Db = { driver: "pg", query: noDatabase, transaction: noDatabase, close: () => Promise.resolve() };

/**
 * @param seed - chooses what is answered, when, and what jobs do
 * @param answer - answers every statement, instead of the fake protocol
 */
export const setupPump = (seed: number, batchJobs = 5, answer?: typeof settleAndTake) => {
  const random = seeded(seed);
  const virtual = createVirtualTime(0);
  /** After each step: no counter is below zero, and no slot is given twice. */
  const check = (): void => {
    const { statements, reservedJobs, waits, busyJobs, outcomesWaiting, pushesWaiting } = wired.state;
    const counters = { statements, reservedJobs, waits, busyJobs, outcomesWaiting, pushesWaiting };
    for (const [name, value] of Object.entries(counters)) expect(value, name).toBeGreaterThanOrEqual(0);
    expect(busyJobs + reservedJobs).toBeLessThanOrEqual(CONCURRENCY);
  };
  const protocol = createFakeProtocol(virtual, random, check);
  const work: Work<z.ZodType> = async (_, job) => {
    const dice = random();
    if (dice < 0.5) await virtual.sleep(random() * 2);
    if (dice < 0.1) throw new Error("no");
    if (dice > 0.9) job.snooze(1);
  };
  const metrics = { count: () => undefined, observe: () => undefined, flush: () => undefined };
  const deps = { db, random, metrics, clock: () => null, sleep: virtual.sleep, time: virtual.time, logger: silent };
  const handlers = new Map([plain, narrow].map((definition) => [definition.type, { definition, work }]));
  const wired = wireWorker(
    deps as unknown as Deps,
    { handlers, concurrency: CONCURRENCY, queues: ["plain", "other"], invocation: "test", batchJobs },
    answer ?? protocol.call,
  );
  return { ...wired, virtual, protocol, random, check };
};
