import { Session } from "node:inspector/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { createTestDatabase } from "../support/database.ts";

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

describe("an answer of the database", () => {
  it("is garbage for a minor collection, once it is read", async () => {
    const { db } = await createTestDatabase();
    const rows = "select n, repeat('x', 100) || n as text from generate_series(1, 100) n";
    const read = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) await db.query(rows);
    };
    await read(200);
    // 178 survive; by a promise of pg, or with its `query_timeout`, 20,445 do.
    expect((await survivors(() => read(2_000))) / 2_000).toBeLessThan(2_000);
  });
});
