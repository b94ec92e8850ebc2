import { ForgeqError } from "../core/errors.ts";
import { toForgeqError } from "../db/drivers/call.ts";
import { connectDb } from "../db/drivers/connect.ts";
import { migrate } from "../db/schema/migrate.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import { connection, rolePrefix } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { openDatabase } from "./database.ts";
import { projectDefinitions } from "./project.ts";
import { print, printJson, say } from "./terminal.ts";

const MIGRATE_SECONDS = 300;

export interface MigrateCommandOptions {
  readonly dryRun?: boolean;
  readonly check?: boolean;
}

/** `forgeq migrate`: the schema first, then what the code declares. */
export const runMigrate = async (options: MigrateCommandOptions & GlobalOptions): Promise<void> => {
  const dryRun = options.dryRun === true || options.check === true;
  const { jobs, queues } = await projectDefinitions();
  const database = await openDatabase(options, { migrate: "no" });
  const db = await connectDb({ ...(await connection()), statementSeconds: MIGRATE_SECONDS });
  try {
    const { applied, missingRoles = [] } = await migrate(db, { dryRun, ...rolePrefix() });
    if (!dryRun) await syncDefinitions(db, jobs, queues);
    if (options.json === true)
      printJson({
        applied,
        dry_run: dryRun,
        types: jobs.map((job) => job.type),
        ...(missingRoles.length > 0 && { missing_roles: missingRoles }),
      });
    else for (const name of applied) print(name);
    const verb = dryRun ? "would be applied" : "applied";
    say(applied.length === 0 ? "The schema is up to date." : `${applied.length} files ${verb}.`);
    if (missingRoles.length > 0)
      say(
        `This role may not make the group roles. Without them only the owner of the schema can use it, which is enough; for less, run this as an administrator, then forgeq migrate again:\n${missingRoles.map((sql) => `  ${sql};`).join("\n")}`,
      );
    if (!dryRun && jobs.length > 0) say(`Synchronised ${jobs.length} job types.`);
    if (options.check === true && applied.length > 0) process.exitCode = 1;
  } catch (error) {
    const known = toForgeqError(error);
    throw known instanceof ForgeqError ? known : error;
  } finally {
    await db.close();
    await database.close();
  }
};
