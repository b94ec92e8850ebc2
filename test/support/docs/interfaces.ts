/** Tables of the fields of interfaces, made from their docstrings. */
import { join } from "node:path";
import ts from "typescript";
import { textOf } from "../sources.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

const cell = (text: string): string =>
  text
    .replaceAll(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .replaceAll(/<(?=\w)/g, "\\<")
    .trim();

const docOf = (member: ts.TypeElement): string =>
  ts
    .getJSDocCommentsAndTags(member)
    .flatMap((doc) => {
      if (!ts.isJSDoc(doc)) return [];
      const tags = (doc.tags ?? []).map((tag) => {
        const about = ts.getTextOfJSDocComment(tag.comment) ?? "";
        if (ts.isJSDocParameterTag(tag)) return `\`${tag.name.getText()}\`: ${about.replace(/^- /, "")}.`;
        return tag.tagName.text === "throws" ? `Throws ${about.replace(/^[-:] /, "")}.` : `Gives ${about}.`;
      });
      return [ts.getTextOfJSDocComment(doc.comment) ?? "", ...tags];
    })
    .join(" ");

/** The type without what every field has: `readonly`, and `| undefined` where it may be left out. */
const typeOf = (member: ts.TypeElement, source: ts.SourceFile): string => {
  const text = member
    .getText(source)
    .replace(/^readonly /, "")
    .replace(/;$/, "");
  if (ts.isMethodSignature(member)) return text.slice(member.name.getText(source).length);
  return text
    .slice(text.indexOf(":") + 1)
    .replace(/ \| undefined$/, "")
    .trim();
};

/**
 * A row for each field: its name, its type, whether it is needed where some are not, and what its docstring says.
 *
 * @param file - from the root of the repository
 * @throws Error - the file has no such interface
 */
export const fieldsOf = (file: string, name: string): string => {
  const source = ts.createSourceFile(join(ROOT, file), textOf(file), ts.ScriptTarget.Latest, true);
  const found = source.statements.find(
    (each): each is ts.InterfaceDeclaration => ts.isInterfaceDeclaration(each) && each.name.text === name,
  );
  if (found === undefined) throw new Error(`${file} has no interface ${name}`);
  const optional = found.members.filter(({ questionToken }) => questionToken !== undefined).length;
  const choice = optional > 0 && optional < found.members.length;
  const rows = found.members.map((member) => {
    const needed = choice ? `${member.questionToken === undefined ? "yes" : ""} | ` : "";
    const type = cell(typeOf(member, source)).replaceAll("\\<", "<");
    return `| \`${member.name!.getText(source)}\` | \`${type}\` | ${needed}${cell(docOf(member))} |`;
  });
  const head = choice ? "| field | type | needed | what it is |" : "| field | type | what it is |";
  return [head, head.replaceAll(/[^|]+/g, " --- "), ...rows].join("\n");
};
