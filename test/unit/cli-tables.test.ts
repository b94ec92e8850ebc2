import { stripVTControlCharacters, styleText } from "node:util";
import { describe, expect, it } from "vitest";
import { COLUMNS } from "../../lib/cli/columns.ts";
import { type Column, fittingTable } from "../../lib/cli/table.ts";

const dead = styleText("red", "dead", { validateStream: false });
const columns = (...names: string[]): Column[] => names.map((name) => ({ name }));

it("gives each page as it comes, in the columns of the first one", () => {
  const { lines } = fittingTable(columns("ID", "STATE", "ERROR"));
  expect(
    lines([
      ["a1", dead, ""],
      ["b", "completed", "no"],
    ]),
  ).toBe(`ID  STATE      ERROR\na1  ${dead}\nb   completed  no`);
  expect(lines([["c", "dead", "why"]])).toBe("c   dead       why");
  expect(lines([["longer", "dead", "why"]])).toBe("longer  dead       why");
  expect(lines([])).toBe("");
});

it("takes as long for a later page as for the first, and holds none", () => {
  const table = fittingTable(columns("A", "B"));
  const page = Array.from({ length: 100 }, (_, n) => [String(n), "x"]);
  let lines = 0;
  for (let n = 0; n < 15_000; n += 1) lines += table.lines(page).split("\n").length;
  expect(lines).toBe(1_500_001);
}, 30_000);

const ID = "019ab000-0000-7000-8000-000000000001";
const LONG = "a_name_of_a_type_or_a_queue_with_some_fifty_characters";
const AT = "2026-11-30T07:00:00Z";
const ERROR = "Error: connect ECONNREFUSED 127.0.0.1:5432, after three attempts of the client in this very long text";

/** Rows with the longest values that each table meets in practice. */
const ROWS: Readonly<Record<keyof typeof COLUMNS, readonly string[]>> = {
  jobs: [ID, LONG, LONG, styleText("red", "completed", { validateStream: false }), "1000/1000", AT, ERROR],
  bulk: ["10,000", LONG, LONG, ERROR],
  queues: [LONG, "1,000,000", "1,000,000", "10,000", "10,000", "1,000,000", "23h 59m", "365d", `paused: ${ERROR}`],
  schedules: [LONG, "*/15 8-18 * * MON-FRI", "America/Argentina/Buenos_Aires", LONG, AT, AT, "declared"],
  errors: ["1,000,000", "1,000,000", "1,000,000", "2026-11-30 07:00:00", LONG, "0123456789abcdef", ERROR],
  keys: ["fq_0123456789ab", LONG, "expired", "jobs:read,jobs:write,payloads:read", LONG, LONG, "2027-11-30", "2026-11-30"], // prettier-ignore
  periods: ["2026-11-30 07:00", ...Array<string>(5).fill("1,000,000"), "1230s", "1230s", "1230s", "1230s"],
};

const NAMES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
const widths = (text: string): number[] => text.split("\n").map((line) => stripVTControlCharacters(line).length);

describe.each(NAMES)("the table of %s", (name) => {
  it.each([60, 80, 120])("fits a terminal of %i columns, and keeps what names a row", (most) => {
    const table = fittingTable(COLUMNS[name], most);
    const text = table.lines([ROWS[name], ROWS[name].map(() => "x")]);
    expect(Math.max(...widths(text))).toBeLessThanOrEqual(most);
    // A later page has no longer lines, although nobody knew its values.
    expect(Math.max(...widths(table.lines([ROWS[name]])))).toBeLessThanOrEqual(most);
    const [head = "", row = ""] = text.split("\n").map(stripVTControlCharacters);
    expect(row.slice(0, 8).trim()).toBe(ROWS[name][0]!.slice(0, 8).trim());
    const shown = head
      .trim()
      .split(/ {2,}/)
      .filter((each) => each !== "");
    const names = COLUMNS[name].map((column) => column.name).filter((each) => each !== "");
    expect([...shown, ...table.leftOut()].sort()).toEqual(names.sort());
  });

  it("has every column and value where nobody says how wide it may be", () => {
    const table = fittingTable(COLUMNS[name]);
    const text = stripVTControlCharacters(table.lines([ROWS[name]]));
    expect(table.leftOut()).toEqual([]);
    for (const value of ROWS[name]) expect(text).toContain(stripVTControlCharacters(value));
  });
});

it("has all columns where they fit, and cuts what lacks most", () => {
  const rows = [[ID, "send_email", "emails", dead, "8/8", AT, ERROR]];
  expect(stripVTControlCharacters(fittingTable(COLUMNS.jobs, 120).lines(rows)).split("\n")).toEqual([
    "ID                                    TYPE        QUEUE   STATE  ATTEMPT  RUN AT                ERROR",
    "019ab000-0000-7000-8000-000000000001  send_email  emails  dead   8/8      2026-11-30T07:00:00Z  Error: connect ECONNREF…",
  ]);
  const narrow = fittingTable(COLUMNS.jobs, 80);
  expect(narrow.lines(rows).split("\n")).toEqual([
    "ID                  TYPE        STATE  RUN AT                ERROR",
    `019ab000-0000-7000  send_email  ${dead}   2026-11-30T07:00:00Z  Error: connect ECO…`,
  ]);
  expect(narrow.leftOut()).toEqual(["QUEUE", "ATTEMPT"]);
});

it("cuts between characters, counts the wide ones twice, and ends the colours that it began", () => {
  const red = styleText("red", "日本語の型の名前", { validateStream: false });
  const table = fittingTable([{ name: "TYPE", least: 5 }, { name: "N" }], 10);
  expect(table.lines([[`${red} 👩‍👩‍👧‍👦`, "1"]]).split("\n")).toEqual(["TYPE     N", "\u001b[31m日本語\u001b[39m…  1"]);
});
