import { expect, it } from "vitest";
import { type Ended, endedForSettle } from "../../lib/db/protocol/settle.ts";

const ID = "0190a0b0-0000-7000-8000-000000000000";

it("is camelCase in TypeScript and snake_case on the wire", () => {
  const error = { name: "E", message: "no" };
  expect(endedForSettle([{ id: ID, outcome: "retry", error, delaySeconds: 1.5 }], false)).toEqual([
    { id: ID, outcome: "retry", error, delay_seconds: 1.5 },
  ]);
  expect(endedForSettle([{ id: ID, outcome: "snoozed", delaySeconds: 0 }], true)).toEqual([
    { id: ID, outcome: "snoozed", delay_seconds: 0 },
  ]);
});

it("is a word where all jobs of a lease completed without a result", () => {
  const ended: Ended[] = [{ id: ID, outcome: "completed", result: null }];
  expect(endedForSettle(ended, true)).toBe("completed");
  expect(endedForSettle(ended, false)).toEqual(ended);
  expect(endedForSettle([{ id: ID, outcome: "completed", result: 0 }], true)).toHaveLength(1);
});

it("does not compile with the wire's name of the delay, however it is passed", () => {
  const outcome = "retry" as const;
  // @ts-expect-error -- a literal
  endedForSettle([{ id: ID, outcome, delay_seconds: 1 }], false);
  const stored = [{ id: ID, outcome, delay_seconds: 1 }];
  // @ts-expect-error -- a variable, whose excess properties TypeScript does not check
  endedForSettle(stored, false);
  // @ts-expect-error -- what a callback returns, which it does not check either
  endedForSettle([ID].map((id) => ({ id, outcome, delay_seconds: 1 })), false); // prettier-ignore
  expect(stored).toHaveLength(1);
});
