import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";

const BORDERLESS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** Rows under a head, columns aligned, no borders: readable, and easy to cut. */
export const table = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string => {
  const made = new Table({
    head: [...head],
    chars: BORDERLESS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colAligns: head.map((name) => (right.includes(name) ? "right" : "left")),
  });
  made.push(...rows.map((row) => [...row]));
  return made
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
};

const widthOf = (text: string): number => stripVTControlCharacters(text).length;

/**
 * The same for rows that come page by page, in bounded memory: columns are as wide as the first page needs, and a longer value of a later page moves the rest of
 * its row.
 *
 * @returns called with each page, its lines; the first time below the head
 */
export const pagedTable = (head: readonly string[]): ((rows: readonly (readonly string[])[]) => string) => {
  let widths: readonly number[] | null = null;
  return (rows) => {
    const lines = widths === null ? [head, ...rows] : rows;
    const columns = (widths ??= head.map((_, n) => Math.max(...lines.map((cells) => widthOf(cells[n] ?? "")))));
    const padded = (text: string, n: number) => text + " ".repeat(Math.max(0, (columns[n] ?? 0) - widthOf(text)));
    return lines.map((cells) => cells.map(padded).join("  ").trimEnd()).join("\n");
  };
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
