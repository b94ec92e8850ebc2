/** What commands write with: data to stdout, everything else to stderr. */
import { styleText } from "node:util";
import { escapeControls } from "../core/controls.ts";

type Style = Parameters<typeof styleText>[0];

/**
 * A value of a job, a queue or an error as a terminal may get it: with `\u001b` in place of ESC, and the like. Its lines stay lines. Whatever was stored by
 * somebody else goes through it; JSON goes through `printJson`.
 */
export const printable = (text: string): string => text.split("\n").map(escapeControls).join("\n");

const MOST_OF_A_CELL = 1_000;

/** The first line of a text, for a cell of a table. */
export const firstLine = (text: string): string => printable(text.split("\n", 1)[0]!.slice(0, MOST_OF_A_CELL));

/** What `paint` makes: colours, bold and dim, and their ends. */
// eslint-disable-next-line no-control-regex
export const COLOUR = /(\u001b\[(?:[12]|22|3[1-69])m)/;

/** Nothing but lines and colours reaches the terminal, even where `printable` was forgotten. */
const inert = (text: string): string =>
  text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : printable(part)))
    .join("");

/** A message to the person: stderr, never mixed with data. */
export const say = (message: string): void => {
  process.stderr.write(`${inert(message)}\n`);
};

/** One line of data. */
export const print = (line: string): void => {
  process.stdout.write(`${inert(line)}\n`);
};

/** One JSON document on one line, so that several make NDJSON. Control characters are escapes in it, and mean the same. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

/** Before what is drawn again. */
export const clearScreen = (): void => {
  process.stdout.write("\u001b[H\u001b[2J");
};

/** Coloured only where stdout is a terminal and neither NO_COLOR nor its like says no. */
export const paint = (style: Style, text: string): string =>
  styleText(style, printable(text), { stream: process.stdout });

/** The same for messages. */
export const paintMessage = (style: Style, text: string): string =>
  styleText(style, printable(text), { stream: process.stderr });

/** Can the person see something move? No progress bars and no redrawn tables otherwise. */
export const isInteractive = (stream: NodeJS.WriteStream = process.stderr): boolean => stream.isTTY === true;

/**
 * A reader that went away, as `| head` does, ends the command quietly. Messages that nobody reads are lost: a worker whose terminal or launcher is gone says so to
 * nobody, and ends in order.
 */
export const endWithReader = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
  });
  process.stderr.on("error", () => undefined);
};
