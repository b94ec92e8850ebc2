/** One process of one run: opens a queue, says that it is ready, does its task when told to, reports. */
import type { FromClient, Order, Report, Task } from "./task.ts";
import { payloadOf, type Client, type System } from "./system.ts";
import { until } from "./until.ts";

/** Resolves when it is on its way: a report is larger than what the channel takes in one write, and the process must not end before. */
const say = (message: FromClient): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, () => resolve());
  });

const spread = async (callers: number, count: number, work: (n: number) => Promise<void>): Promise<void> => {
  let next = 0;
  const caller = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
};

const PREFILL = 1_000;
/** Every queue warms up for the same time, in which it makes as many calls as it can. Processes of one caller make few, so they get longer. */
const WARM_MS = 5_000;
const WARM_ALONE_MS = 40_000;
const WARM_JOBS = 50_000;
const WARM_STARTS = 2_000;
const WARM_STARTS_PER_SECOND = 250;

const prefill = async (client: Client, count: number): Promise<void> =>
  spread(2, Math.ceil(count / PREFILL), (n) =>
    client.enqueueBulk(
      Array.from({ length: Math.min(PREFILL, count - n * PREFILL) }, (_, i) => payloadOf(n * PREFILL + i)),
    ),
  );

/** Enqueues at an even rate, whether the ones before are stored or not. */
const atRate = async (client: Client, perSecond: number, count: number): Promise<void> => {
  const startedMs = performance.now();
  for (let n = 0; n < count; n += 1) {
    const dueMs = startedMs + (n * 1000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    void client.enqueue(payloadOf(n));
  }
};

const perform = async (client: Client, task: Task, samples: number[]): Promise<void> => {
  switch (task.kind) {
    case "prepare":
      return;
    case "enqueue":
      return spread(task.callers, task.count, async (n) => {
        const startedMs = performance.now();
        await client.enqueue(payloadOf(n), task.types);
        samples.push(performance.now() - startedMs);
      });
    case "bulk":
      return spread(task.callers, task.count / task.size, async (n) => {
        const payloads = Array.from({ length: task.size }, (_, i) => payloadOf(n * task.size + i));
        await client.enqueueBulk(payloads, task.types);
      });
    case "drain":
      return client.drain(task.count);
    case "latency": {
      await atRate(client, task.perSecond, task.count);
      await until(() => samples.length >= task.count, 5, 30);
    }
  }
};

const main = async (order: Order): Promise<void> => {
  const { system } = (await import(`./systems/${order.system}.ts`)) as { system: System };
  const { task, url, directUrl, keepHistory, rttMs } = order;
  if (task.kind === "prepare") {
    await system.prepare({ url, keepHistory, rttMs });
    return await say({ report: { seconds: 0, cpuMicros: 0, samples: [] } });
  }
  const fill = async (count: number): Promise<void> => {
    const filler = await system.open({ url: directUrl, keepHistory, rttMs: 0 });
    await prefill(filler, count);
    await filler.close();
  };
  if (task.kind === "drain") {
    // Twice, because what is measured is yet another client: code that knows but one of them is compiled again.
    for (let n = 0; n < 2; n += 1) {
      await fill(WARM_JOBS);
      const warmer = await system.open({ url: directUrl, keepHistory, rttMs: 0 });
      await warmer.drain(WARM_JOBS);
      await warmer.close();
    }
    await fill(task.count);
  }
  const client = await system.open({ url, keepHistory, rttMs });
  const samples: number[] = [];
  if (task.kind === "latency") await client.serve((payload) => samples.push(performance.now() - payload.sentAtMs));
  // Connections are open and code is warm: what is measured is the steady state.
  if (task.kind === "bulk") await prefill(client, WARM_JOBS);
  if (task.kind === "enqueue") {
    const untilMs = performance.now() + (task.callers === 1 ? WARM_ALONE_MS : WARM_MS);
    const caller = async () => {
      for (let n = 0; performance.now() < untilMs; n += 1) await client.enqueue(payloadOf(n), task.types);
    };
    await Promise.all(Array.from({ length: task.callers }, caller));
  }
  if (task.kind === "latency") {
    await atRate(client, WARM_STARTS_PER_SECOND, WARM_STARTS);
    await until(() => samples.length >= WARM_STARTS, 5, 30);
    samples.length = 0;
  }
  const go = new Promise((resolve) => process.once("message", resolve));
  void say({ ready: true });
  await go;
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await perform(client, task, samples);
  const seconds = (performance.now() - startedMs) / 1000;
  const used = process.cpuUsage(cpu);
  const report: Report = { seconds, cpuMicros: used.user + used.system, samples: samples.sort((a, b) => a - b) };
  await say({ report });
  await client.close();
};

process.once("message", (order: Order) => {
  main(order)
    .catch((error: unknown) => say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    .finally(() => setTimeout(() => process.exit(0), 50).unref());
});
