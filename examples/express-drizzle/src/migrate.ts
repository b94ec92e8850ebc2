/** Once for each deploy: ForgeQ's schema with the job types, and the service's own table. */
import { migrate } from "forgeq/server";
import { pool } from "./database.ts";
import { welcome } from "./jobs/welcome/job.ts";

await migrate({ jobs: [welcome] });
await pool.query("create table if not exists account (email text primary key, welcomed_at timestamptz)");
await pool.end();
