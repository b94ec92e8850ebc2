import { Session } from "node:inspector/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { setupWorkers, until } from "../../support/worker/worker.ts";

interface Node {
  readonly selfSize: number;
  readonly children: readonly Node[];
}

const bytesOf = (node: Node): number => node.selfSize + node.children.reduce((sum, child) => sum + bytesOf(child), 0);

const collectMinor = (): void => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (options: { type: "minor" }) => void;
  gc({ type: "minor" });
  gc({ type: "minor" });
};

/** Bytes that outlived minor collections, a statistical estimate; what a major one freed later is counted. */
const survivors = async (work: () => Promise<void>): Promise<number> => {
  const session = new Session();
  session.connect();
  collectMinor();
  await session.post("HeapProfiler.startSampling", {
    samplingInterval: 4_096,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: false,
  });
  await work();
  collectMinor();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();
  return bytesOf(profile.head);
};

const ROWS = "select n, repeat('x', 100) || n as text from generate_series(1, 100) n";

describe("an answer of the database", () => {
  it.each([
    ["a statement", ROWS],
    ["a statement with a name", `/* forgeq:claim */ ${ROWS}`],
  ])("to %s is garbage for a minor collection, once it is read", async (_, text) => {
    const { db } = await createTestDatabase();
    const read = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) await db.query(text);
    };
    await read(200);
    // 178 survive; by a promise of pg, or with its `query_timeout`, 20,445 do.
    expect((await survivors(() => read(2_000))) / 2_000).toBeLessThan(2_000);
  });
});

describe("a job that a worker has run", () => {
  it("is garbage for a minor collection", async () => {
    const { db, start } = await setupWorkers();
    const fill = async (jobs: number): Promise<void> => {
      for (let left = jobs; left > 0; left -= 1_000) {
        const items = Array.from({ length: 1_000 }, (_, n) => ({
          id: uuidV7(),
          type: "plain",
          payload: { n, text: "x".repeat(500) },
        }));
        await enqueueMany(db, items, true, null);
      }
    };
    await fill(12_000);
    const worker = start(() => Promise.resolve(), { concurrency: 40, batchJobs: 20 });
    const ran = (jobs: number) => until(() => (worker.settled.get("completed") ?? 0) >= jobs);
    await ran(2_000);
    const bytes = await survivors(() => ran(12_000));
    // 80 survive; 360 where the leases are in a Map by themselves, whose tables keep them.
    expect(bytes / 10_000).toBeLessThan(200);
  });
});
