import { readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { parse } from "./sources.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The SQL files of a folder, from the project's root. */
export const sqlFilesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".sql"))
    .map((name) => join(folder, name));

// From `create` to the semicolon behind the body, whose quotes are $$ or $name$.
const FUNCTION =
  /^create (?:or replace )?(?:function|procedure) ([\w.]+)(?:(?!\$\w*\$)[\s\S])*?(\$\w*\$)[\s\S]*?\2[^;]*;/gim;

/** The functions that a text of SQL makes, with the lines of each. */
export const sqlFunctionsOf = (text: string): { readonly name: string; readonly lines: number }[] =>
  [...text.matchAll(FUNCTION)].map(([whole, name = ""]) => ({ name, lines: whole.split("\n").length }));

/** The strings of a TypeScript file that hold SQL: those that name their statement, and parts of such. */
export const sqlTextsOf = (file: string): string[] => {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isText =
      ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node) || ts.isStringLiteral(node);
    if (isText && /\bforgeq[.:]|^[`"]\s*(select|with|insert|update|delete|from|where|order)\b/i.test(node.getText()))
      found.push(node.getText());
    else ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found;
};
