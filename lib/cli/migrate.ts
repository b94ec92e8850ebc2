import { ForgeqError } from "../core/errors.ts";
import type { JobDefinition, QueueDefinition } from "../core/job.ts";
import { toForgeqError } from "../db/call.ts";
import { connectDb } from "../db/connect.ts";
import { migrate } from "../db/migrate.ts";
import { syncDefinitions } from "../queue/sync.ts";
import { connection } from "../runtime.ts";

const MIGRATE_SECONDS = 300;

interface Definitions {
  readonly jobs: readonly JobDefinition[];
  readonly queues: readonly QueueDefinition[];
}

/** The job types and queues of the project that the command runs in; none where it has no functions folder. */
const projectDefinitions = async (): Promise<Definitions> => {
  const load = async <Module>(file: string): Promise<Module | null> => {
    const url = new URL(file, `file://${process.cwd()}/`);
    try {
      return (await import(url.href)) as Module;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND" && String(error).includes(url.pathname))
        return null;
      throw error;
    }
  };
  const registry = await load<{ jobs: readonly JobDefinition[] }>("functions/registry.ts");
  const queues = await load<{ queues: readonly QueueDefinition[] }>("functions/queues.ts");
  return { jobs: registry?.jobs ?? [], queues: queues?.queues ?? [] };
};

/** `forgeq migrate`: the schema first, then what the code declares. */
export const migrateCommand = async (options: { readonly dryRun: boolean; readonly json: boolean }): Promise<void> => {
  const { jobs, queues } = await projectDefinitions();
  const db = await connectDb({ ...(await connection()), statementSeconds: MIGRATE_SECONDS });
  try {
    const { applied } = await migrate(db, { dryRun: options.dryRun });
    if (!options.dryRun) await syncDefinitions(db, jobs, queues);
    if (options.json) {
      console.log(JSON.stringify({ applied, dry_run: options.dryRun, types: jobs.map((job) => job.type) }));
      return;
    }
    for (const name of applied) console.log(name);
    const verb = options.dryRun ? "would be applied" : "applied";
    console.error(applied.length === 0 ? "The schema is up to date." : `${applied.length} files ${verb}.`);
    if (!options.dryRun && jobs.length > 0) console.error(`Synchronised ${jobs.length} job types.`);
  } catch (error) {
    const known = toForgeqError(error);
    throw known instanceof ForgeqError ? known : error;
  } finally {
    await db.close();
  }
};
