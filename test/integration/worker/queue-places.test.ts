import { expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { createWorker } from "../../../lib/server.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

const setup = async () => {
  const queues = ["emails", "reports"].map((name) => defineQueue({ name, maxInFlight: null }));
  const made = await setupWorkers({ queues });
  await made.db.query("update forgeq.queue set listed_types = '{plain}'");
  const running = new Map<unknown, number>();
  const most = new Map<unknown, number>();
  const ended: unknown[] = [];
  const gate = Promise.withResolvers<void>();
  const work = async (payload: { readonly [key: string]: unknown }): Promise<void> => {
    const { name } = payload;
    running.set(name, (running.get(name) ?? 0) + 1);
    most.set(name, Math.max(most.get(name) ?? 0, running.get(name)!));
    if (name === "emails") await gate.promise;
    running.set(name, running.get(name)! - 1);
    ended.push(name);
  };
  const enqueue = (name: string, count: number) => made.queue.enqueue(count, { queue: name, payload: { name } });
  return { ...made, running, most, ended, work, enqueue, open: gate.resolve };
};

it("keeps the places of one queue from another's slow jobs, and runs all of them in the end", async () => {
  const { start, enqueue, running, most, ended, work, open } = await setup();
  await enqueue("emails", 30);
  const places = new Map([
    ["emails", 5],
    ["reports", 2],
  ]);
  const worker = start(work, { concurrency: 7, queues: ["emails", "reports"], places });
  await until(() => running.get("emails") === 5);
  await enqueue("reports", 3);
  worker.hint(0, "reports");
  await until(() => ended.filter((name) => name === "reports").length === 3);
  expect(running.get("emails")).toBe(5);
  // The queue has more jobs, and nothing is sent for them in vain.
  await until(() => worker.describe().why.startsWith("All places of a queue are taken (emails)"));
  expect(worker.describe().state["fullQueues"]).toEqual(["emails"]);
  open();
  await until(() => ended.length === 33);
  expect(most).toEqual(
    new Map([
      ["emails", 5],
      ["reports", expect.toSatisfy((jobs) => jobs <= 2)],
    ]),
  );
});

it("drains a queue with places, and ends", async () => {
  const { start, enqueue, ended, most, work, open } = await setup();
  await enqueue("emails", 12);
  await enqueue("reports", 3);
  open();
  const places = new Map([["emails", 2]]);
  await start(work, { concurrency: 4, queues: ["emails", "reports"], places, once: true }).drained;
  expect(ended).toHaveLength(15);
  expect(most.get("emails")).toBeLessThanOrEqual(2);
});

it.each([
  [{ queues: { emails: 0 } }, "queues.emails must be a whole number"],
  [{ queues: { emails: 1.5 } }, "queues.emails must be a whole number"],
  [{ queues: { emails: "5" as never } }, "queues.emails must be a whole number"],
  [{ queues: { Emails: 5 } }, "queues has Emails, which can't be the name of a queue"],
  [{ queues: ["emails:5"] }, "queues has emails:5, which can't be the name of a queue"],
  [{ queues: { emails: 5 }, concurrency: 3 }, "queues.emails must not be above concurrency"],
  [{ concurrency: Number.NaN }, "concurrency must be a whole number"],
])("createWorker refuses %j by its field", async (options, message) => {
  await expect(
    createWorker({ handlers: [], databaseUrl: "postgres://nobody@127.0.0.1:1/x", ...options }),
  ).rejects.toMatchObject({
    code: "invalid_queue",
    message: expect.stringContaining(message) as string,
  });
});

it.each([
  [["--queue", "emails:0"], "as emails:5"],
  [["--queue", "emails:"], "as emails:5"],
  [["--queue", "emails:x"], "as emails:5"],
  [["--queue", "emails:1.5"], "as emails:5"],
  [["--queue", "emails:-1"], "as emails:5"],
  [["--queue", "emails:10001"], "as emails:5"],
  [["--queue", "emails:5:2"], "as emails:5"],
  [["--queue", ":5"], "as emails:5"],
  [["--queue", "E mails:5"], "as emails:5"],
  [["--queue", "emails:5", "--queue", "emails:2"], "The queue emails was given before, with other places."],
  [["--queue", "emails:5", "--concurrency", "3"], "--queue emails:5 has more places"],
])("forgeq worker refuses %j in a sentence, exit 2", async (args, sentence) => {
  const { code, stderr, stdout } = await forgeq(["worker", ...args], {
    env: { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" },
  });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(sentence);
  expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
});
