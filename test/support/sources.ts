import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

const ROOT = join(import.meta.dirname, "..", "..");

/** One import of a source file: static, dynamic, by `require`, or of types alone. */
export interface Import {
  readonly file: string;
  /** As it is written. */
  readonly from: string;
  /** The file it leads to, from the project's root; null for a package. */
  readonly to: string | null;
  /** The compiler leaves nothing of it. */
  readonly typeOnly: boolean;
}

/** The TypeScript and JavaScript files of a folder, from the project's root; what is installed there is left out. */
export const sourcesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(tsx?|js|mjs)$/.test(name) && !name.endsWith(".d.ts") && !name.includes("node_modules"))
    .map((name) => join(folder, name));

export const textOf = (file: string): string => readFileSync(join(ROOT, file), "utf8");

export const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest, true);

/** What a node imports, where it imports something. */
const importOf = (node: ts.Node): { readonly from: ts.Node; readonly typeOnly: boolean } | null => {
  if (ts.isImportDeclaration(node))
    return { from: node.moduleSpecifier, typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
    return { from: node.moduleSpecifier, typeOnly: node.isTypeOnly };
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return { from: node.argument.literal, typeOnly: true };
  const called = ts.isCallExpression(node) ? node : null;
  const imports = called?.expression.kind === ts.SyntaxKind.ImportKeyword || called?.expression.getText() === "require";
  const [argument] = called?.arguments ?? [];
  return imports && argument !== undefined ? { from: argument, typeOnly: false } : null;
};

export const importsOf = (file: string): Import[] => {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    const { from, typeOnly = false } = importOf(node) ?? {};
    if (from !== undefined && ts.isStringLiteral(from)) {
      const to = from.text.startsWith(".") ? normalize(join(dirname(file), from.text)) : null;
      found.push({ file, from: from.text, to, typeOnly });
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(file));
  return found;
};

/**
 * The circles of a graph: the sets of files of which each leads to each other one, by Tarjan's algorithm. Every set is
 * sorted; a file alone is no circle.
 */
export const circlesOf = (imports: readonly Import[]): string[][] => {
  const next = Map.groupBy(
    imports.flatMap(({ file, to }) => (to === null ? [] : [{ file, to }])),
    ({ file }) => file,
  );
  const index = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    const own = index.size;
    index.set(file, own);
    lowest.set(file, own);
    stack.push(file);
    for (const { to } of next.get(file) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(to)!));
    }
    if (lowest.get(file) !== own) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of next.keys()) if (!index.has(file)) visit(file);
  return circles.sort();
};
