import { styleText } from "node:util";
import { expect, it } from "vitest";
import { pagedTable } from "../../lib/cli/table.ts";

it("gives each page as it comes, in the columns of the first one", () => {
  const rowsOf = pagedTable(["ID", "STATE", "ERROR"]);
  const dead = styleText("red", "dead", { validateStream: false });
  expect(
    rowsOf([
      ["a1", dead, ""],
      ["b", "completed", "no"],
    ]),
  ).toBe(`ID  STATE      ERROR\na1  ${dead}\nb   completed  no`);
  expect(rowsOf([["c", "dead", "why"]])).toBe("c   dead       why");
  expect(rowsOf([["longer", "dead", "why"]])).toBe("longer  dead       why");
  expect(rowsOf([])).toBe("");
});

it("takes as long for a later page as for the first, and holds none", () => {
  const rowsOf = pagedTable(["A", "B"]);
  const page = Array.from({ length: 100 }, (_, n) => [String(n), "x"]);
  let lines = 0;
  for (let n = 0; n < 15_000; n += 1) lines += rowsOf(page).split("\n").length;
  expect(lines).toBe(1_500_001);
}, 30_000);
