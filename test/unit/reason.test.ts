import { expect, it } from "vitest";
import { messageOf, reasonOf } from "../../lib/core/reason.ts";

it.each([
  [new Error("the mail was refused"), "the mail was refused"],
  ["a text", "a text"],
  [undefined, "undefined"],
  [new AggregateError([new Error("connect ECONNREFUSED ::1:5432")]), "connect ECONNREFUSED ::1:5432"],
  [new AggregateError([], "nothing worked"), "nothing worked"],
  [new AggregateError([]), ""],
])("the message of %s is %j", (error, message) => {
  expect(messageOf(error)).toBe(message);
});

it("a reason names the cause, and that of a refused connection on both address families", () => {
  const refused = new AggregateError([new Error("connect ECONNREFUSED ::1:5432")]);
  const away = (cause: unknown) => new Error("the database can't be reached", { cause });
  expect(reasonOf(away(new Error("Connection terminated")))).toBe(
    "the database can't be reached: Connection terminated",
  );
  expect(reasonOf(away(refused))).toBe("the database can't be reached: connect ECONNREFUSED ::1:5432");
  expect(reasonOf(away({ code: 1 }))).toBe("the database can't be reached");
  expect(reasonOf("a text")).toBe("a text");
});
