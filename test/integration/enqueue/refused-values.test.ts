import type { IdentifiedJob } from "../../../lib/core/new-job.ts";
import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { enqueueAndBegin, enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { plain, setup } from "../../support/queue.ts";
import * as z from "zod";

const other = defineJob({ type: "other", queue: "plain", retry: { maxAttempts: 3 }, payload: z.object({}).loose() });

const REFUSED: readonly Partial<IdentifiedJob>[] = [
  { priority: 10 },
  { priority: -1 },
  { maxAttempts: 0 },
  { maxAttempts: 1001 },
];
const item = (more: Partial<IdentifiedJob> = {}): IdentifiedJob => ({
  id: uuidV7(),
  type: "plain",
  payload: {},
  ...more,
});

it("is not left to constraints of the table, which each claim would check again", async () => {
  const { db } = await setup({ jobs: [plain] });
  const checks = "select from pg_constraint where conrelid = 'forgeq.job'::regclass and contype = 'c'";
  expect(await db.query(checks)).toEqual([]);
});

describe("a priority or number of attempts out of range is refused, and stores nothing", async () => {
  const { db } = await setup({ jobs: [plain, other] });
  // So that the short ways are open: the counter of the type is there.
  await enqueueMany(db, [item()], true, null);
  await db.query("delete from forgeq.job");

  const ways: Record<string, (value: Partial<IdentifiedJob>) => Promise<unknown>> = {
    alone: (value) => enqueueMany(db, [item(value)], true, null),
    "among jobs of its type": (value) => enqueueMany(db, [item(), item(value), item()], true, null),
    "among jobs of other types": (value) => enqueueMany(db, [item(), item({ ...value, type: "other" })], true, null),
    "among more than five": (value) =>
      enqueueMany(db, [...Array.from({ length: 6 }, () => item()), item(value)], true, null),
    "with a delay": (value) => enqueueMany(db, [item({ ...value, delaySeconds: 0 })], true, null),
    "with a unique key": (value) => enqueueMany(db, [item({ ...value, uniqueKey: uuidV7() })], true, null),
    "sent again": (value) => enqueueMany(db, [item(value)], false, null),
    "begun by a worker": (value) =>
      enqueueAndBegin(db, [item(value)], { queue: "plain", worker: uuidV7(), invocation: "test:1", at: null }),
    "from SQL": ({ priority = null, maxAttempts: attempts = null }) =>
      db.query("select forgeq.enqueue('plain', '{}', priority => $1::int, max_attempts => $2::int)", [
        priority,
        attempts,
      ]),
  };
  it.each(Object.entries(ways))("%s", async (name, store) => {
    for (const value of REFUSED) {
      await expect(store(value), JSON.stringify(value)).rejects.toMatchObject({
        code: name === "from SQL" ? "23514" : "invalid_job",
      });
    }
    for (const value of [{ priority: 0 }, { priority: 9 }, { maxAttempts: 1 }, { maxAttempts: 1000 }])
      await store(value);
    const stored = await db.query<{ priority: number; max_attempts: number }>(
      "delete from forgeq.job where (priority, max_attempts) <> (5, 3) returning priority, max_attempts",
    );
    expect(stored.map((job) => [job.priority, job.max_attempts]).sort()).toEqual([
      [0, 3],
      [5, 1],
      [5, 1000],
      [9, 3],
    ]);
  });
});
