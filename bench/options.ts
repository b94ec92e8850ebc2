import { parseArgs, type ParseArgsConfig } from "node:util";

const ROUNDS = 5;

/** What a command line of the benchmarks asks for. */
export interface BenchOptions {
  readonly rounds: number;
  readonly write: boolean;
  /** What is named besides the options. */
  readonly named: readonly string[];
}

/**
 * Prints `usage` and exits with 0 for `--help`; prints what is wrong and `usage`, and exits with 2, for an option that is not there.
 *
 * @param writes - the script takes `--write`
 */
export const readOptions = (args: readonly string[], usage: string, writes: boolean): BenchOptions => {
  const options: ParseArgsConfig["options"] = {
    help: { type: "boolean", short: "h" },
    rounds: { type: "string", default: String(ROUNDS) },
    ...(writes && { write: { type: "boolean" } }),
  };
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values["help"] === true) {
      console.log(usage);
      process.exit(0);
    }
    const rounds = Number(values["rounds"]);
    if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error("--rounds takes a whole number from 1");
    return { rounds, write: values["write"] === true, named: positionals };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), usage);
  }
};

/** Prints why, and how a script is called, and exits with 2. */
export const refuse = (why: string, usage: string): never => {
  console.error(`${why}\n${usage}`);
  process.exit(2);
};
