import ts from "typescript";
import { describe, expect, it } from "vitest";
import { parse, sourcesOf, textOf } from "../support/sources.ts";
import { sqlFilesOf, sqlFunctionsOf, sqlTextsOf } from "../support/sql-sources.ts";

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 80;
const MAX_SQL_FUNCTION_LINES = 150;
const MAX_SQL_CHARACTERS = 160;

/** Functions that may be longer, each with the reason: at most five in all. TypeScript's by `file name`, SQL's by name. */
const LONGER: Readonly<Record<string, string>> = {};

interface Sized {
  readonly name: string;
  readonly lines: number;
}

const linesOf = (text: string): number => text.replace(/\n$/, "").split("\n").length;

/** What a function is called: its own name, or that of the variable or property that it is given to. */
const nameOf = (node: ts.SignatureDeclaration): string => {
  const { name, parent } = node;
  const named = name ?? (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name : undefined);
  return named?.getText() ?? "a function";
};

/** Every function of a source, the inner ones too, from its first line to its last. */
const functionsOf = (file: string, source: ts.SourceFile = parse(file)): Sized[] => {
  const found: Sized[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) found.push({ name: `${file} ${nameOf(node)}`, lines: linesOf(node.getText()) });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
};

const over = (all: readonly Sized[], limit: number): string[] =>
  all.filter(({ name, lines }) => lines > limit && !(name in LONGER)).map(({ name, lines }) => `${name}: ${lines}`);

const sources = ["lib", "functions", "bin", "deploy", "dashboard"].flatMap(sourcesOf);
const functions = [...sources, ...sourcesOf("bench")].flatMap((file) => functionsOf(file));
const sqlFunctions = sqlFilesOf("migrations").flatMap((file) => sqlFunctionsOf(textOf(file)));

describe("sizes", () => {
  it("are found of every kind", () => {
    expect(sources.length).toBeGreaterThan(200);
    expect(functions.length).toBeGreaterThan(1_000);
    expect(sqlFunctions.length).toBeGreaterThan(30);
  });

  it(`of files are at most ${MAX_FILE_LINES} lines`, () => {
    const sized = sources.map((file) => ({ name: file, lines: linesOf(textOf(file)) }));
    expect(over(sized, MAX_FILE_LINES)).toEqual([]);
  });

  it(`of functions are at most ${MAX_FUNCTION_LINES} lines`, () => {
    expect(over(functions, MAX_FUNCTION_LINES)).toEqual([]);
  });

  it(`of SQL functions are at most ${MAX_SQL_FUNCTION_LINES} lines`, () => {
    expect(over(sqlFunctions, MAX_SQL_FUNCTION_LINES)).toEqual([]);
  });

  it("have five exceptions at most, each of a function that is there and is longer", () => {
    const limits = [...functions.map((each) => ({ ...each, limit: MAX_FUNCTION_LINES }))];
    limits.push(...sqlFunctions.map((each) => ({ ...each, limit: MAX_SQL_FUNCTION_LINES })));
    const longer = new Set(limits.filter(({ lines, limit }) => lines > limit).map(({ name }) => name));
    expect(Object.keys(LONGER).length).toBeLessThanOrEqual(5);
    expect(Object.keys(LONGER).filter((name) => !longer.has(name))).toEqual([]);
  });

  it(`of lines of SQL are at most ${MAX_SQL_CHARACTERS} characters`, () => {
    const files = sqlFilesOf("migrations").map((file) => ({ file, text: textOf(file) }));
    const strings = sourcesOf("lib/db").flatMap((file) => sqlTextsOf(file).map((text) => ({ file, text })));
    expect(strings.length).toBeGreaterThan(40);
    const long = [...files, ...strings].flatMap(({ file, text }) =>
      text.split("\n").flatMap((line) => (line.length > MAX_SQL_CHARACTERS ? [`${file}: ${line.trim()}`] : [])),
    );
    expect(long).toEqual([]);
  });
});

describe("the ruler", () => {
  const source = (text: string) => ts.createSourceFile("a.ts", text, ts.ScriptTarget.Latest, true);

  it("measures functions of every form, from the first line to the last", () => {
    const text = [
      "const arrow = () => {",
      "  return 1;",
      "};",
      "function named() {}",
      "const o = { method() {",
      "}, property: () =>",
      "1 };",
    ].join("\n");
    expect(functionsOf("a.ts", source(text))).toEqual([
      { name: "a.ts arrow", lines: 3 },
      { name: "a.ts named", lines: 1 },
      { name: "a.ts method", lines: 2 },
      { name: "a.ts property", lines: 2 },
    ]);
  });

  it("measures a function of SQL without its header, whatever its quotes", () => {
    const body =
      "create or replace function forgeq.a(\n  x int) returns int\nlanguage sql as $f$\nselect 1;\n$f$ stable;";
    const other = "create function forgeq.b() returns int language sql as $$ select 2 $$;";
    expect(sqlFunctionsOf(`-- header\n\n${body}\n\n${other}\n`)).toEqual([
      { name: "forgeq.a", lines: 5 },
      { name: "forgeq.b", lines: 1 },
    ]);
  });
});
