import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { CALLS } from "../../support/database/calls.ts";
import { createTestDatabase, type TestDatabase } from "../../support/database/database.ts";
import { DRIVERS, neonOf } from "../../support/database/drivers.ts";
import { type Proxy, startProxy } from "../../support/database/proxy.ts";
import { setup, type Setup } from "../../support/queue.ts";
import { allRows, rowCounts } from "../../support/database/rows.ts";

const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00/g;

/** An answer with its ids numbered and its instants counted from the test's beginning, to compare the same call of two tests. */
const shapeOf = (answer: unknown, s: Setup): string => {
  const ids = new Map<string, number>();
  return JSON.stringify(answer)
    .replace(UUID, (id) => `#${ids.get(id) ?? ids.set(id, ids.size).size - 1}`)
    .replace(INSTANT, (instant) => `@${new Date(instant).getTime() - s.at(0).getTime()}`);
};

const WAKE = /"(?:wakeSeconds|wake_seconds)":[^,}]+/g;

/** A wake hint may be earlier than the first one: it is never lost, and costs a look when it comes for nothing. */
const expectSame = (again: unknown, first: unknown, shape: (answer: unknown) => string = JSON.stringify): void => {
  expect(shape(again).replace(WAKE, "")).toBe(shape(first).replace(WAKE, ""));
  const secondsOf = (answer: unknown) => {
    const { wakeSeconds, wake_seconds } = (Array.isArray(answer) ? answer[0] : answer) ?? {};
    return (wakeSeconds ?? wake_seconds ?? Infinity) as number;
  };
  expect(secondsOf(again)).toBeLessThanOrEqual(secondsOf(first));
};

/** The driver makes the difference, not the call: one of each kind. */
const OVER_HTTP = new Set([
  "enqueue, the id made for the call",
  "claim",
  "begin",
  "extend",
  "settle retry",
  "retry by hand",
]);

describe.each(DRIVERS)("over %s, a call whose answer was lost after it took effect", (driver) => {
  let database: TestDatabase;
  let proxy: Proxy;
  let lossy: Db;
  beforeAll(async () => {
    database = await createTestDatabase();
    if (driver === "pg") {
      proxy = await startProxy(Number(new URL(database.url).port));
      lossy = await connectDb({ url: proxy.through(database.url) });
    } else {
      const neon = await neonOf(database.url);
      proxy = await startProxy(neon.port);
      lossy = await connectDb({ url: database.url, driver, fetchEndpoint: proxy.through(neon.fetchEndpoint) });
    }
  });
  afterAll(async () => {
    await lossy.close();
    await proxy.close();
    await database.drop();
  });

  const calls = driver === "pg" ? CALLS : CALLS.filter(({ name }) => OVER_HTTP.has(name));
  it.each(calls)("gives the first answer and changes nothing: $name", async ({ kind, prepare, findsNothingLeft }) => {
    const s = await setup({ database });
    const send = await prepare(s);
    const before = proxy.lost();
    let atLoss: unknown;
    proxy.loseAnswers(kind, 2, async () => (atLoss ??= await allRows(s.db)));
    const answer = await send(lossy);
    expect(proxy.lost() - before).toBe(2);
    expect(await allRows(s.db)).toEqual(atLoss);

    const twin = await setup({ database });
    const first = await (await prepare(twin))(twin.db);
    if (findsNothingLeft !== true) {
      // The two tests differ in their beginnings only.
      const [lossyShape, firstShape] = [shapeOf(answer, s), shapeOf(first, twin)];
      expectSame(JSON.parse(lossyShape), JSON.parse(firstShape));
    }
  });
});

describe("a wake whose enqueue lost its answer", () => {
  it("goes out all the same, for a job due now and for one due soon", async () => {
    const s = await setup();
    const proxy = await startProxy(Number(new URL(s.url).port));
    const lossy = await connectDb({ url: proxy.through(s.url) });
    onTestFinished(() => lossy.close());
    for (const delaySeconds of [0, 30]) {
      proxy.loseAnswers("enqueue");
      await enqueueJobs({ ...s.deps, db: lossy }, [{ type: "plain", payload: {}, delaySeconds }]);
      s.moveTo(60);
    }
    expect(proxy.lost()).toBe(2);
    expect(s.invocations).toHaveLength(2);
  });
});

describe("a call that is sent several times concurrently", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  const repeatable = CALLS.filter(({ makesIds }) => makesIds !== true);

  it.each(repeatable)("takes effect once and says the same each time: $name", async ({ prepare, findsNothingLeft }) => {
    const alone = await setup({ database });
    await (
      await prepare(alone)
    )(alone.db);
    const once = await rowCounts(alone.db);

    const s = await setup({ database });
    const send = await prepare(s);
    const answers = await Promise.all(Array.from({ length: 6 }, () => send(s.db)));
    expect(await rowCounts(s.db)).toEqual(once);
    const rows = await allRows(s.db);
    const again = await Promise.all(Array.from({ length: 3 }, () => send(s.db)));
    expect(await allRows(s.db)).toEqual(rows);
    if (findsNothingLeft !== true) {
      for (const answer of [...answers, ...again]) expect(withoutWake(answer)).toBe(withoutWake(answers[0]));
    }
  });
});

const withoutWake = (answer: unknown): string => JSON.stringify(answer).replace(WAKE, "");
