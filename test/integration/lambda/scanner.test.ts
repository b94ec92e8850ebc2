import { expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { createScanner } from "../../../lib/queue/lambda/scanner.ts";
import { setup } from "../../support/queue.ts";

it("claims where its last claim ended, while more wait, and ten times a second from its watermarks", async () => {
  const s = await setup();
  for (let n = 0; n < 5; n += 1) await s.queue.enqueue(500);
  await s.db.query("update forgeq.job set run_at = run_at - (payload ->> 'n')::int * interval '1 millisecond'");
  let nowMs = 0;
  const claimed: { readonly from: unknown; readonly watermarks: unknown; readonly continued: unknown }[] = [];
  const db: Db = {
    ...s.db,
    query: async <Row>(text: string, params?: readonly unknown[]) => {
      const rows = await s.db.query<Row>(text, params);
      if (text.startsWith("/* forgeq:claim */"))
        claimed.push({ from: params![3], ...(rows[0] as { watermarks: unknown; continued: unknown }) });
      return rows;
    },
  };
  const scanner = createScanner({ ...s.deps, db, time: { ...s.deps.time, elapsedMs: () => nowMs } });
  const scan = (sweep = false) => scanner.scan(["plain"], { sweep });

  await scan();
  await scan();
  nowMs += 99;
  await scan();
  nowMs += 1;
  await scan();
  await scan(true);
  expect(claimed.map(({ from }) => from)).toEqual([
    null,
    claimed[0]!.continued,
    claimed[1]!.continued,
    claimed[0]!.watermarks,
    null,
  ]);
  expect(claimed[0]!.continued).not.toEqual(claimed[0]!.watermarks);
  // Nothing waits any more: no claim was cut off.
  await scan();
  expect(claimed.at(-1)).toMatchObject({ continued: null });
});
