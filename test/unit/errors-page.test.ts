import { expect, it } from "vitest";
import { ERROR_CODES } from "../../lib/core/errors.ts";
import { type ProblemCode, statusOf } from "../../lib/http/problem.ts";
import { sourcesOf, textOf } from "../support/sources.ts";
import { sqlFilesOf } from "../support/sql-sources.ts";

const PAGE = textOf("docs/reference/errors.md");
const SQL_PAGE = textOf("docs/reference/sql.md");

const namesIn = (page: string, row: RegExp): string[] => [...page.matchAll(row)].map(([, name = ""]) => name);

it("lists each code once, with its status over HTTP", () => {
  const rows = [...PAGE.matchAll(/^\| `(\w+)` +\| (\d{3}) +\|/gm)].map(([, code, status]) => [code, Number(status)]);
  const codes: readonly ProblemCode[] = [...ERROR_CODES, "method_not_allowed"];
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(codes.map((code) => [code, statusOf(code)])));
  expect(rows).toHaveLength(codes.length);
});

it("lists each SQLSTATE that the functions raise, with its code in TypeScript", () => {
  const raised = new Set(sqlFilesOf("migrations").flatMap((file) => textOf(file).match(/(?<=')FQ\d{3}(?=')/g) ?? []));
  expect(namesIn(SQL_PAGE, /^\| `(FQ\d{3})`/gm).toSorted()).toEqual([...raised].toSorted());
  const drivers = textOf("lib/db/drivers/call.ts");
  for (const [, state, code] of SQL_PAGE.matchAll(/^\| `(FQ\d{3})` +\| `(\w+)`/gm))
    expect(drivers).toContain(`${state}: "${code}"`);
});

it("explains each name that ForgeQ itself gives to the error of an attempt", () => {
  const inSql = sqlFilesOf("migrations/functions").flatMap((file) => namesIn(textOf(file), /'name', '([A-Z]\w+)'/g));
  const inCode = sourcesOf("lib/queue").flatMap((file) => namesIn(textOf(file), /\bname: "([A-Z]\w+)"/g));
  const own = new Set([...inSql, ...inCode].filter((name) => name !== "Error"));
  const explained = namesIn(PAGE.split("## Errors of an attempt")[1] ?? "", /^\| `(\w+)`/gm);
  expect(explained.toSorted()).toEqual([...own].toSorted());
});
