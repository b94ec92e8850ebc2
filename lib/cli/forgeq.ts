#!/usr/bin/env node
/** The `forgeq` command. stdout is data, stderr is messages; exit 0 ok, 1 failure, 2 usage. */
import { parseArgs } from "node:util";
import { ForgeqError } from "../core/errors.ts";
import { migrateCommand } from "./migrate.ts";

const USAGE = `Usage:
  forgeq migrate             bring the schema of DATABASE_URL to this version, then synchronise job types and queues
  forgeq migrate --dry-run   list what that would apply, and change nothing
  forgeq migrate --json      the same as JSON`;

class UsageError extends Error {}

const run = async (args: readonly string[]): Promise<void> => {
  const [command, ...rest] = args;
  if (command === "migrate") {
    const { values } = parse(rest);
    await migrateCommand({ dryRun: values["dry-run"] ?? false, json: values.json ?? false });
  } else if (command === undefined || command === "--help" || command === "-h") {
    console.log(USAGE);
  } else {
    throw new UsageError(`there is no command ${command}`);
  }
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({ args: [...args], options: { "dry-run": { type: "boolean" }, json: { type: "boolean" } } });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`forgeq: ${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    // The cause says what Postgres or the network said; the URL with its password is in neither.
    const cause = error instanceof ForgeqError && error.cause instanceof Error ? ` (${error.cause.message})` : "";
    console.error(`forgeq: ${error instanceof Error ? error.message : String(error)}${cause}`);
    process.exitCode = 1;
  }
}
