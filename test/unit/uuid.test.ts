import { expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";

const COUNT = 20_000;
const made = Array.from({ length: COUNT }, uuidV7);

it("makes UUIDs of version 7 and the variant of RFC 9562", () => {
  for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

it("sorts in the order of making, however many fall into one millisecond", () => {
  expect([...made].sort()).toEqual(made);
});

it("repeats none, and no two share their random part", () => {
  expect(new Set(made.map((id) => id.slice(19))).size).toBe(COUNT);
});

it("carries the time of making, to within the borrowed milliseconds", () => {
  const ms = Number.parseInt(uuidV7().replace("-", "").slice(0, 12), 16);
  expect(Math.abs(ms - Date.now())).toBeLessThan(1_000);
});
