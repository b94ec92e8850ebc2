import { Queue, Worker } from "bullmq";
import type { Client, Payload, System } from "../system.ts";
import { until } from "../until.ts";

export const system: System = {
  prepare: () => Promise.resolve(),
  open: ({ url }): Promise<Client> => {
    const connection = { host: "127.0.0.1", port: Number(new URL(url).port), maxRetriesPerRequest: null };
    const queue = new Queue("noop", { connection });
    let worker: Worker | undefined;
    const start = async (onJob: (payload: Payload) => void) => {
      worker = new Worker(
        "noop",
        (job) => {
          onJob(job.data as Payload);
          return Promise.resolve();
        },
        { connection, concurrency: 50, autorun: true },
      );
      await worker.waitUntilReady();
      return worker;
    };
    return Promise.resolve({
      enqueue: async (payload: Payload) => {
        await queue.add("noop", payload);
      },
      enqueueBulk: async (payloads: readonly Payload[]) => {
        await queue.addBulk(payloads.map((data) => ({ name: "noop", data })));
      },
      drain: async (count: number) => {
        let completed = 0;
        (await start(() => undefined)).on("completed", () => (completed += 1));
        await until(() => completed >= count);
      },
      serve: async (onStart: (payload: Payload) => void) => {
        await start(onStart);
        await new Promise((resolve) => setTimeout(resolve, 500));
      },
      close: async () => {
        await worker?.close(true);
        await queue.close();
      },
    });
  },
};
