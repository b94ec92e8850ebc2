/** The prose of the pages, for tests of how it reads. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** Made from the code: how they read is decided there. */
const GENERATED = ["docs/cli.md", "docs/performance/tables.md"];

/** Every page of README and docs that people write. */
export const PAGES = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((name) => join("docs", name)),
].filter((name) => name.endsWith(".md") && !GENERATED.includes(name));

export const textOfPage = (page: string): string => readFileSync(join(ROOT, page), "utf8");

const withoutCode = (text: string): string =>
  text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "").replaceAll(/<!--[\s\S]*?-->/g, "");

const isTable = (line: string): boolean => line.trimStart().startsWith("|");

/** The lines of a page that are neither a table's nor code, without what makes links long. */
export const proseLinesOf = (page: string): string[] =>
  withoutCode(textOfPage(page))
    .split("\n")
    .filter((line) => !isTable(line))
    .map((line) => line.replaceAll(/\]\([^)]*\)/g, "]"));

/** The sentences of a page, tables and code left out. */
export const sentencesOf = (page: string): string[] =>
  proseLinesOf(page)
    .map((line) => line.replace(/^\s*(#+|[-*]|\d+\.)\s/, "\n\n"))
    .join("\n")
    .split(/\n\s*\n/)
    .flatMap((paragraph) => paragraph.replaceAll(/\s+/g, " ").split(/(?<=[.!?:;](?:\*\*)?)\s+(?=["“(*`\[A-Z_])/))
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");

/** Words, a piece of code being one. */
export const wordsOf = (sentence: string): number =>
  sentence
    .replaceAll(/`[^`]*`/g, "code")
    .split(/\s+/)
    .filter((word) => /\w/.test(word)).length;
