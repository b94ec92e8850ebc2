import { expect, it } from "vitest";
import { ForgeqError } from "../../lib/core/errors.ts";
import type { Ended } from "../../lib/db/protocol/settle.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { createSettling, type Settles } from "../../lib/queue/run/settling.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const refusal = new ForgeqError("invalid_job", "a value can't be stored");
const outage = new ForgeqError("database_unavailable", "the database is away");

/** Two leases: `a` with three jobs, `b` with one. */
const SETTLES: Settles = [
  { leaseId: "a", ended: ["a1", "a2", "a3"].map((id): Ended => ({ id, outcome: "completed" })) },
  { leaseId: "b", ended: [{ id: "b1", outcome: "completed" }] },
];

const ids = (settles: Settles) => settles.flatMap(({ ended }) => ended.map(({ id, outcome }) => `${id} ${outcome}`));

/** @param fail - the error of a call, or null when it is answered */
const setupSettling = (
  fail: (settles: Settles, alone: boolean, call: number) => Error | null,
  givesUp = () => false,
) => {
  const logger = recordingLogger();
  const pauses: number[] = [];
  const sleep = (seconds: number) => (pauses.push(seconds), Promise.resolve());
  const settling = createSettling({ logger, sleep, random: () => 1 } as unknown as Deps, {
    givesUp,
    longestPauseSeconds: 0.3,
  });
  let calls = 0;
  const settled = settling(SETTLES, (settles, alone) => {
    calls += 1;
    const error = fail(settles, alone, calls);
    return error === null ? Promise.resolve(ids(settles)) : Promise.reject(error);
  });
  return { settled, logger, pauses, calls: () => calls };
};

it("sends everything in one call", async () => {
  const s = setupSettling(() => null);
  expect(await s.settled).toEqual({ answered: [{ settles: SETTLES, answer: ids(SETTLES) }], unwritten: null });
  expect(s.calls()).toBe(1);
});

it("sends the same call again while the database is away, and says once that it is and once that it is back", async () => {
  const s = setupSettling((settles, alone, call) => {
    expect([settles, alone]).toEqual([SETTLES, false]);
    return call <= 4 ? outage : null;
  });
  expect((await s.settled).unwritten).toBeNull();
  expect(s.pauses).toEqual([0.1, 0.2, 0.3, 0.3]);
  expect(s.logger.lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
    "the database is away: paused, and trying again",
    "the database is back",
  ]);
});

it("says of a statement that took too long just that, and not that the database is away", async () => {
  const slow = new ForgeqError("too_slow", "a statement took longer than 5 s");
  const s = setupSettling((_settles, _alone, call) => (call <= 2 ? slow : call === 3 ? outage : null));
  await s.settled;
  expect(s.logger.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { message: "a statement took too long: paused, and trying again", reason: "a statement took longer than 5 s" },
    { message: "the database is away: paused, and trying again" },
    { message: "the database is back" },
  ]);
});

it("gives up when it is told to, and says what was not written", async () => {
  const s = setupSettling(
    () => outage,
    () => true,
  );
  expect(await s.settled).toEqual({ answered: [], unwritten: { settles: SETTLES, error: outage } });
  expect(s.calls()).toBe(1);
});

it("makes a retry of the outcome that is refused, and writes the others as they are", async () => {
  const refused = (settles: Settles) => ids(settles).includes("a2 completed");
  const s = setupSettling((settles) => (refused(settles) ? refusal : null));
  const { answered, unwritten } = await s.settled;
  expect(answered.flatMap(({ settles }) => ids(settles))).toEqual([
    "a1 completed",
    "a2 retry",
    "a3 completed",
    "b1 completed",
  ]);
  expect(answered[1]?.settles[0]?.ended[0]?.error).toMatchObject({ name: "OutcomeRefused" });
  expect(unwritten).toBeNull();
});

it("leaves out an outcome whose retry is refused too, and writes the others", async () => {
  const s = setupSettling((settles) => (ids(settles).some((one) => one.startsWith("a2")) ? refusal : null));
  const { answered, unwritten } = await s.settled;
  expect(answered).toHaveLength(3);
  expect(unwritten).toMatchObject({ settles: [{ leaseId: "a", ended: [{ id: "a2" }] }], error: refusal });
});

it("tries no other outcome alone once it has given up", async () => {
  let gone = false;
  const s = setupSettling(
    (settles, alone) => {
      if (!alone) return refusal;
      gone = ids(settles)[0] !== "a1 completed";
      return gone ? outage : null;
    },
    () => gone,
  );
  const { answered, unwritten } = await s.settled;
  expect([answered.length, s.calls()]).toEqual([1, 3]);
  expect(ids(unwritten!.settles)).toEqual(["a2 completed", "a3 completed", "b1 completed"]);
});
