/** What commands write with: data to stdout, everything else to stderr. */
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** A message to the person: stderr, never mixed with data. */
export const say = (message: string): void => {
  process.stderr.write(`${message}\n`);
};

/** One line of data. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** One JSON document on one line, so that several make NDJSON. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

/** Coloured only where stdout is a terminal and neither NO_COLOR nor its like says no. */
export const paint = (style: Style, text: string): string => styleText(style, text, { stream: process.stdout });

/** The same for messages. */
export const paintMessage = (style: Style, text: string): string => styleText(style, text, { stream: process.stderr });

/** Can the person see something move? No progress bars and no redrawn tables otherwise. */
export const isInteractive = (stream: NodeJS.WriteStream = process.stderr): boolean => stream.isTTY === true;

/** A reader that went away, as `| head` does, ends the command quietly. */
export const endWithReader = (): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
};
