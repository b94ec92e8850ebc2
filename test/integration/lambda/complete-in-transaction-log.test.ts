import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { run, type PlainWork } from "../../support/lambda/run.ts";
import { setup, type Setup } from "../../support/queue.ts";
import { recordingLogger } from "../../support/recording-logger.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

interface Line {
  readonly level: string;
  readonly message: string;
  readonly outcome?: string;
  readonly state?: string;
  readonly error?: string;
}

/** What the log says of the ends of attempts. */
const endsIn = (lines: readonly string[]): Line[] =>
  lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ message }) => message.startsWith("an attempt"))
    .map(({ level, message, outcome, state, error }) => ({ level, message, outcome, state, error }) as Line);

const COMPLETED = { level: "debug", message: "an attempt ended", outcome: "completed", state: "completed" };

const log = async (jobs: number, work: (s: Setup) => PlainWork): Promise<Line[]> => {
  const logger = recordingLogger();
  const s = await setup({ database, logger });
  await s.queue.enqueue(jobs);
  await run(s, work(s));
  return endsIn(logger.lines);
};

describe("a job that completed in its handler's transaction", () => {
  it.each([1, 2])("is a completion in the log, in a lease of %i", async (jobs) => {
    const lines = await log(jobs, (s) => async (_, job) => {
      await s.db.transaction((tx) => job.complete(tx, 1));
    });
    expect(lines).toEqual(Array.from({ length: jobs }, () => COMPLETED));
  });

  it("is a completion with an error where its handler throws after the commit", async () => {
    const lines = await log(1, (s) => async (_, job) => {
      await s.db.transaction((tx) => job.complete(tx, 1));
      throw new TypeError("too late");
    });
    expect(lines).toEqual([{ ...COMPLETED, error: "TypeError" }]);
  });

  it("is a failure where the transaction was rolled back", async () => {
    const lines = await log(1, (s) => async (_, job) => {
      await s.db
        .transaction(async (tx) => {
          await job.complete(tx);
          throw new Error("rolled back");
        })
        .catch(() => undefined);
    });
    expect(lines).toEqual([
      { level: "warn", message: "an attempt failed", outcome: "retry", state: "scheduled", error: "RolledBack" },
    ]);
  });
});
