/** The examples of README and docs, for tests that run or check them. */
import { PAGES, textOfPage } from "./prose.ts";

export interface Example {
  readonly page: string;
  /** Its number on its page, from 1. */
  readonly number: number;
  readonly text: string;
}

/** Of a language, as the fence names it; what an indented list item has is moved to the margin. */
export const examplesIn = (language: string): Example[] =>
  PAGES.flatMap((page) =>
    [...textOfPage(page).matchAll(new RegExp(`^( *)\`\`\`${language}\n([\\s\\S]*?)^\\1\`\`\`$`, "gm"))].map(
      ([, indent = "", text = ""], index) => ({
        page,
        number: index + 1,
        text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      }),
    ),
  );

/** The commands of a shell's example: continued lines are one, and comments are gone. */
export const commandsOf = ({ text }: Example): string[] =>
  text
    .replaceAll("\\\n", " ")
    .split("\n")
    .flatMap((line) => line.replace(/(^|\s)#.*$/, "").split("&&"))
    .map((command) => command.trim())
    .filter((command) => command !== "");
