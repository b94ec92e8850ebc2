import { expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { dispatch } from "../../../lib/queue/lambda/dispatch.ts";
import { nameOf, setupQueues } from "../../support/worker/timed.ts";

/** The queues that a dispatcher claims from, in order. */
const setupDispatch = async (queues: number) => {
  const s = await setupQueues(queues);
  const claimed: string[] = [];
  const query: Db["query"] = (text, params = []) => {
    if (text.startsWith("/* forgeq:claim */")) claimed.push(String(params[0]));
    return s.db.query(text, params);
  };
  return { ...s, claimed, deps: { ...s.deps, db: { ...s.db, query }, clock: s.clock } };
};

it("claims from the due queues of 10,000, the one that it was woken for first", async () => {
  const s = await setupDispatch(10_000);
  const due = [9_876, 5, 4_321, 10_000];
  await s.enqueueIn(due);
  const report = await dispatch(s.deps, { queue: nameOf(4_321) }, () => 300_000);
  expect(report).toMatchObject({ jobs: due.length, ended: "idle" });
  expect(s.claimed[0]).toBe(nameOf(4_321));
  expect(new Set(s.claimed)).toEqual(new Set(due.map(nameOf)));
});

it("claims from some queues at a time, and leaves the rest to its successor when its time is up", async () => {
  const s = await setupDispatch(200);
  await s.enqueueIn(Array.from({ length: 200 }, (_, n) => n + 1));
  const report = await dispatch(s.deps, {}, () => (s.claimed.length < 64 ? 300_000 : 9_000));
  expect(report).toMatchObject({ jobs: 64, ended: "relayed" });
  const next = await dispatch(s.deps, {}, () => 300_000);
  expect(next).toMatchObject({ jobs: 136, ended: "idle" });
});
