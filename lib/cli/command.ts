import { type Command, InvalidArgumentError, type OptionValueSource } from "commander";
import { ProjectError } from "../project/project-error.ts";

/** What every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly databaseUrl?: string;
  readonly dir: string;
  readonly config?: string;
  /** Tables are as wide as their values, on a terminal, too. */
  readonly wide?: boolean;
}

/** One way to use a command, and what it does there. */
export type Example = readonly [commandLine: string, what: string];

/** Examples stand before everything else in a command's help. */
export const withExamples = (command: Command, examples: readonly Example[]): Command => {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`.trimEnd());
  examplesByCommand.set(command, examples);
  return command.addHelpText("before", `Examples:\n${lines.join("\n")}\n`);
};

const examplesByCommand = new WeakMap<Command, readonly Example[]>();

export const examplesOf = (command: Command): readonly Example[] => examplesByCommand.get(command) ?? [];

/** Options as an action needs them: its own and the global ones. */
export const optionsOf = <Options>(command: Command): Options & GlobalOptions =>
  command.optsWithGlobals<Options & GlobalOptions>();

const onCommandLineOnly = new WeakSet<Command>();

/** What a command does, and to what, is said with it alone: a config file's `type` is that of jobs to enqueue, not of jobs to delete. */
export const leaveConfigOut = (command: Command): Command => {
  onCommandLineOnly.add(command);
  return command;
};

/** Values of the config file, where neither a flag nor the environment says anything. */
export const applyConfig = (command: Command, values: Readonly<Record<string, unknown>>): void => {
  for (let at: Command | null = command; at !== null; at = at.parent) {
    if (onCommandLineOnly.has(at)) continue;
    for (const option of at.options) {
      const key = option.attributeName();
      const source: OptionValueSource = at.getOptionValueSource(key);
      if (key in values && (source === undefined || source === "default")) {
        at.setOptionValueWithSource(key, checked(option, values[key]), "config");
      }
    }
  }
};

/** A value of the file goes the way of a value on the command line. */
const checked = (option: Command["options"][number], value: unknown): unknown => {
  if (option.parseArg === undefined || Array.isArray(value)) return value;
  try {
    return option.parseArg(String(value), undefined as never);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    // Commander says what is wrong with its own arguments alone.
    throw new ProjectError(`the config's ${option.attributeName()} is not valid: ${error.message}`);
  }
};
