import type { JobDefinition, QueueDefinition } from "../core/job.ts";
import { connectDb } from "../db/drivers/connect.ts";
import { migrate } from "../db/schema/migrate.ts";
import { syncDefinitions } from "../queue/manage/sync-definitions.ts";
import { configure, connection, declaredOwner, rolePrefix } from "../runtime.ts";

const MIGRATE_SECONDS = 60;

/** Migrates the database of DATABASE_URL, or of the URL that is given, and writes the definitions into it. */
export const migrateOwn = async (wanted: {
  readonly jobs: readonly JobDefinition[];
  readonly queues: readonly QueueDefinition[];
  readonly databaseUrl: string | undefined;
}): Promise<void> => {
  if (wanted.databaseUrl !== undefined) configure({ DATABASE_URL: wanted.databaseUrl });
  const db = await connectDb({ ...(await connection()), max: 1, statementSeconds: MIGRATE_SECONDS });
  try {
    await migrate(db, rolePrefix());
    await syncDefinitions(db, wanted.jobs, wanted.queues, null, declaredOwner());
  } finally {
    await db.close();
  }
};
