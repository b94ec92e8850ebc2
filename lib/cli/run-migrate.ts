import { ForgeqError } from "../core/errors.ts";
import { toForgeqError } from "../db/drivers/call.ts";
import { connectDb } from "../db/drivers/connect.ts";
import type { LockHolder } from "../db/schema/free-locks.ts";
import { migrate } from "../db/schema/migrate.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import { adopt, type Adopted } from "../db/schema/owners.ts";
import { connection, declaredOwner, rolePrefix } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { openDatabase } from "./database.ts";
import { UsageError } from "./failure.ts";
import { projectDefinitions } from "./project.ts";
import { print, printJson, say } from "./terminal.ts";

const MIGRATE_SECONDS = 300;

export interface MigrateCommandOptions {
  readonly dryRun?: boolean;
  readonly check?: boolean;
  readonly adoptFrom?: string;
  readonly force?: boolean;
  readonly discardJobs?: boolean;
}

const OWNER = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;

/** What the options say of owners. @throws {UsageError} where they don't fit together */
const adoptionOf = (
  { adoptFrom: from, force = false, discardJobs = false }: MigrateCommandOptions,
  to: string | null,
  dryRun: boolean,
) => {
  if (to !== null && !OWNER.test(to))
    throw new UsageError(`FORGEQ_SERVICE and FORGEQ_STAGE make ${to}: use letters, digits, - and _`);
  if (from === undefined) {
    if (discardJobs) throw new UsageError("--discard-jobs goes with --adopt-from");
    return null;
  }
  if (dryRun) throw new UsageError("--adopt-from changes the database: leave out --dry-run and --check");
  if (!OWNER.test(from)) throw new UsageError("--adopt-from takes SERVICE-STAGE, such as forgeq-prod");
  if (from === to) throw new UsageError(`${from} is the owner already: set FORGEQ_STAGE to the stage that takes over`);
  return { from, to, force, discardJobs };
};

const sayAdopted = ({ types, queues, waiting, cancelled }: Adopted, from: string, to: string | null): void => {
  const discarded = cancelled === 0 ? "" : ` ${cancelled} jobs were cancelled.`;
  say(
    `${types} types and ${queues} queues of ${from} belong to ${to ?? "nobody"} now.${discarded} ${waiting} jobs wait in them.`,
  );
};

const sayWaiting = ({ pid, applicationName, since }: LockHolder): void =>
  say(
    `Waiting for process ${pid} of Postgres${applicationName === "" ? "" : ` (${applicationName})`}, whose transaction has held a lock since ${since.toISOString()}. Nobody else waits meanwhile.`,
  );

/** `forgeq migrate`: the schema first, then what the code declares. */
export const runMigrate = async (options: MigrateCommandOptions & GlobalOptions): Promise<void> => {
  const dryRun = options.dryRun === true || options.check === true;
  const owner = declaredOwner();
  const adoption = adoptionOf(options, owner, dryRun);
  const { jobs, queues } = await projectDefinitions();
  const database = await openDatabase(options, { migrate: "no", part: "owner" });
  const db = await connectDb({ ...(await connection()), statementSeconds: MIGRATE_SECONDS });
  try {
    const {
      applied,
      missingRoles = [],
      newer,
    } = await migrate(db, { dryRun, force: options.force === true, onWait: sayWaiting, ...rolePrefix() });
    const adopted = adoption && (await adopt(db, adoption));
    if (!dryRun) await syncDefinitions(db, jobs, queues, null, owner);
    if (options.json === true)
      printJson({
        applied,
        dry_run: dryRun,
        ...(newer !== undefined && { newer }),
        types: jobs.map((job) => job.type),
        ...(owner !== null && { owner }),
        ...(adopted !== null && { adopted }),
        ...(missingRoles.length > 0 && { missing_roles: missingRoles }),
      });
    else for (const name of applied) print(name);
    const verb = dryRun ? "would be applied" : "applied";
    say(applied.length === 0 ? "The schema is up to date." : `${applied.length} files ${verb}.`);
    if (missingRoles.length > 0)
      say(
        `This role may not make the group roles. Without them only the owner of the schema can use it, which is enough; for less, run this as an administrator, then forgeq migrate again:\n${missingRoles.map((sql) => `  ${sql};`).join("\n")}`,
      );
    if (adopted !== null && adoption !== null) sayAdopted(adopted, adoption.from, adoption.to);
    const belong = owner === null ? "" : `, which belong to ${owner}`;
    if (!dryRun && jobs.length > 0) say(`Synchronised ${jobs.length} job types${belong}.`);
    if (newer !== undefined) say(`The database is newer than this code (${newer}): forgeq migrate refuses it.`);
    if (options.check === true && (applied.length > 0 || newer !== undefined)) process.exitCode = 1;
  } catch (error) {
    const known = toForgeqError(error);
    throw known instanceof ForgeqError ? known : error;
  } finally {
    await db.close();
    await database.close();
  }
};
