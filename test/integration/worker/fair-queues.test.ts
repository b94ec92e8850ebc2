import { expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];
const LONE = NAMES.slice(1);
/** Longer than the first pause between two polls, so that each statement is a poll, which tells the worker the queues again. */
const JOB_MS = 60;

/** One place and eight queues, a flood in the first: places come free one at a time. */
const setup = async () => {
  const made = await setupWorkers({ queues: NAMES.map((name) => defineQueue({ name, maxInFlight: null })) });
  await made.db.query("update forgeq.queue set listed_types = '{plain}'");
  const ran: string[] = [];
  const floods = () => ran.filter((name) => name === "a").length;
  const work = async (payload: { readonly [key: string]: unknown }): Promise<void> => {
    ran.push(String(payload["name"]));
    await new Promise((resolve) => setTimeout(resolve, JOB_MS));
  };
  const enqueue = (name: string, count: number) => made.queue.enqueue(count, { queue: name, payload: { name } });
  return { ...made, ran, floods, work, enqueue };
};

it("runs a lone job of each of seven queues beside a flood with one place, while two jobs of the flood run for each at most", async () => {
  const { start, ran, floods, work, enqueue } = await setup();
  await enqueue("a", 200);
  const worker = start(work, { concurrency: 1 });
  await until(() => floods() >= 3);
  for (const name of LONE) {
    await enqueue(name, 1);
    worker.hint(0, name);
  }
  const before = floods();
  await until(() => LONE.every((name) => ran.includes(name)) || floods() >= 100);
  expect(floods() - before).toBeLessThanOrEqual(2 * LONE.length);
});

it("gives queues that nobody announces their turn beside one that is announced all the time", async () => {
  const { start, ran, floods, work, enqueue } = await setup();
  for (const name of LONE) await enqueue(name, 2);
  await enqueue("a", 200);
  const worker = start(
    async (payload) => {
      worker.hint(0, "a");
      await work(payload);
    },
    { concurrency: 1 },
  );
  await until(() => ran.length - floods() === 2 * LONE.length || floods() >= 100);
  expect(floods()).toBeLessThanOrEqual(2 * 2 * LONE.length);
});
