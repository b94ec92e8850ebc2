import { stripVTControlCharacters } from "node:util";
import type { GlobalOptions } from "./command.ts";
import { COLOUR, print, say } from "./terminal.ts";

/** A column of a table, and what becomes of it where a terminal is too narrow for all of them. */
export interface Column {
  readonly name: string;
  /** Of numbers. */
  readonly right?: boolean;
  /** A longer value may be cut to so many characters; never unless given. */
  readonly least?: number;
  /** What shows that a value was cut; an id is still one without. */
  readonly cut?: "…" | "";
  /** Those with a number are left out, the lowest first, where cutting does not do. */
  readonly leave?: number;
}

export type Row = readonly string[];

const GAP = "  ";

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/u;

const graphemes = new Intl.Segmenter();

/** The columns that a text takes on a terminal. */
const widthOf = (text: string): number => {
  const plain = stripVTControlCharacters(text);
  if (/^[\u0020-\u007e]*$/.test(plain)) return plain.length;
  return [...graphemes.segment(plain)].reduce((sum, { segment }) => sum + (WIDE.test(segment) ? 2 : 1), 0);
};

/** The beginning of a text; its colours begin and end as they did. */
const cutTo = (text: string, width: number, mark: string): string => {
  if (widthOf(text) <= width) return text;
  let left = width - mark.length;
  const kept = text.split(COLOUR).map((part, index) => {
    if (index % 2 === 1) return part;
    let beginning = "";
    for (const { segment } of graphemes.segment(part)) {
      left -= WIDE.test(segment) ? 2 : 1;
      if (left < 0) break;
      beginning += segment;
    }
    return beginning;
  });
  return kept.join("") + mark;
};

/** The widths that the columns have beside each other; null for one that is left out. */
const fit = (columns: readonly Column[], natural: readonly number[], most: number): readonly (number | null)[] => {
  const leastOf = (n: number): number => Math.min(natural[n] ?? 0, columns[n]?.least ?? Infinity);
  const sum = (widths: readonly number[]): number =>
    widths.reduce((all, width) => all + width, 0) + GAP.length * (widths.length - 1);
  let kept = columns.map((_, n) => n);
  const leaving = kept
    .filter((n) => columns[n]?.leave !== undefined)
    .sort((a, b) => (columns[a]?.leave ?? 0) - (columns[b]?.leave ?? 0));
  while (sum(kept.map(leastOf)) > most && leaving.length > 0) {
    const next = leaving.shift();
    kept = kept.filter((n) => n !== next);
  }
  const widths = columns.map((_, n) => (kept.includes(n) ? leastOf(n) : null));
  let spare = most - sum(kept.map(leastOf));
  const missing = (n: number): number => (natural[n] ?? 0) - leastOf(n);
  // What lacks little is whole, and what lacks most gets the rest.
  for (const n of kept.toSorted((a, b) => missing(a) - missing(b))) {
    // What is one without a mark is whole or as short as it may be.
    const more = columns[n]?.cut === "" && spare < missing(n) ? 0 : Math.max(0, Math.min(missing(n), spare));
    widths[n] = leastOf(n) + more;
    spare -= more;
  }
  return widths;
};

/**
 * Rows under a head, columns aligned, no borders: readable, and easy to cut. They may come page by page, in bounded memory: columns are as wide as the first
 * page needs, and a longer value of a later page moves the rest of its row.
 *
 * @param most - the width of the terminal: columns are cut, and then left out, until they fit; Infinity for all of them as they are
 */
export const fittingTable = (columns: readonly Column[], most = Infinity) => {
  let widths: readonly (number | null)[] | null = null;
  const cell = (text: string, n: number): string => {
    const { right = false, least, cut = "…" } = columns[n] ?? {};
    const width = widths?.[n] ?? 0;
    const fitting = least !== undefined && most !== Infinity ? cutTo(text, width, cut) : text;
    const padding = " ".repeat(Math.max(0, width - widthOf(fitting)));
    return right ? padding + fitting : fitting + padding;
  };
  return {
    /** The lines of a page; the first time below the head. */
    lines: (rows: readonly Row[]): string => {
      const head = columns.map(({ name }) => name);
      const lines = widths === null ? [head, ...rows] : rows;
      widths ??= fit(
        columns,
        columns.map((_, n) => lines.reduce((width, cells) => Math.max(width, widthOf(cells[n] ?? "")), 0)),
        most,
      );
      const kept = columns.flatMap((_, n) => (widths?.[n] === null ? [] : [n]));
      return lines.map((cells) => kept.map((n) => cell(cells[n] ?? "", n)).join(GAP).trimEnd()).join("\n"); // prettier-ignore
    },
    /** The names of the columns that did not fit. */
    leftOut: (): readonly string[] => columns.flatMap(({ name }, n) => (widths?.[n] === null ? [name] : [])),
  };
};

/** The width that a table may have: the terminal's, unless the person wants all of it, or a program reads it. */
const mostOf = ({ wide }: GlobalOptions): number => {
  const { isTTY, columns } = process.stdout;
  return wide === true || !isTTY || !(columns > 0) ? Infinity : columns;
};

/** A whole table for this terminal, as text. */
export const tableText = (columns: readonly Column[], rows: readonly Row[], options: GlobalOptions): string =>
  fittingTable(columns, mostOf(options)).lines(rows);

/** A table for this terminal, whose pages are printed as they come. */
export const printedTable = (columns: readonly Column[], options: GlobalOptions) => {
  const { lines, leftOut } = fittingTable(columns, mostOf(options));
  return {
    print: (rows: readonly Row[]): void => print(lines(rows)),
    /** Says what a narrow terminal does not show. */
    end: (): void => {
      const names = leftOut().filter((name) => name !== "");
      if (names.length > 0) say(`Left out in so narrow a terminal: ${names.join(", ")}. --wide shows all columns.`);
    },
  };
};

/** A whole table. */
export const printTable = (columns: readonly Column[], rows: readonly Row[], options: GlobalOptions): void => {
  const table = printedTable(columns, options);
  table.print(rows);
  table.end();
};

/** `3m 12s`: two units at most. */
export const duration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3_600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([number]) => number > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .filter(([number]) => number > 0)
    .map(([number, unit]) => `${number}${unit}`)
    .join(" ");
};

export const count = (number: number): string => number.toLocaleString("en-US");
