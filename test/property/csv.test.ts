import fc from "fast-check";
import { expect, it } from "vitest";
import { toCsv } from "../../functions/handlers/generate_report/csv.ts";

/** A reader of RFC 4180, strict about what it takes. */
const parseCsv = (csv: string): string[][] => {
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  const rows: string[][] = [];
  let row: string[] = [];
  while (cell.lastIndex < csv.length) {
    const match = cell.exec(csv);
    if (!match) throw new Error("not CSV");
    row.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'));
    if (match[3] === ",") continue;
    rows.push(row);
    row = [];
  }
  return rows;
};

const text = fc.oneof(fc.string(), fc.stringMatching(/^[=+\-@,"\r\n\t a1]{0,12}$/));
const table = fc
  .integer({ min: 1, max: 5 })
  .chain((columns) => fc.array(fc.array(fc.oneof(text, fc.integer()), { minLength: columns, maxLength: columns })));

it("reads back as it was written, but for the apostrophe in front of formulas", () => {
  fc.assert(
    fc.property(table, (rows) => {
      const expected = rows.map((row) =>
        row.map((value) => (typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value))),
      );
      expect(parseCsv(toCsv(rows))).toEqual(expected);
    }),
  );
});

it("never gives a cell that a spreadsheet would run", () => {
  fc.assert(
    fc.property(table, (rows) => {
      for (const value of parseCsv(toCsv(rows)).flat()) expect(value).toMatch(/^(?![=+\-@\t\r])|^-\d+$/);
    }),
  );
});
