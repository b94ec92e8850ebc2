import { CommanderError } from "commander";
import { failureOf, UsageError } from "./failure.ts";
import { PlanError } from "../deploy/plan-error.ts";
import { ProjectError } from "../project/project-error.ts";
import { createProgram } from "./program.ts";
import { endWithReader, printable, say } from "./terminal.ts";

/** Runs one command line, the name of the command left out. @returns the exit code: 0 ok, 1 failure, 2 usage */
export const run = async (args: readonly string[]): Promise<number> => {
  endWithReader();
  const program = createProgram();
  try {
    await program.parseAsync(args, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    // Commander has said already what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    say(`forgeq: ${printable(failureOf(error))}`);
    return error instanceof UsageError || error instanceof ProjectError || error instanceof PlanError ? 2 : 1;
  }
};
