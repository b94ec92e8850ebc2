// A process of somebody's own that runs jobs. The one of sign_up completes in a transaction of postgres.js.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import postgres from "postgres";
import { lambdaHandler } from "../../../lib/job.ts";
import { createWorker } from "../../../lib/server.ts";
import { beat, signUp } from "./jobs.mjs";

const [folder] = process.argv.slice(2);
const { forPostgresJs } = await import(pathToFileURL(join(folder, "for-postgres-js.ts")).href);
const sql = postgres(process.env.DATABASE_URL);

const welcome = lambdaHandler(signUp, async ({ name }, job) => {
  await sql.begin(async (tx) => {
    await tx`insert into welcome (name) values (${name})`;
    await job.complete(forPostgresJs(tx), { welcomed: name });
  });
});
const beats = lambdaHandler(beat, async () => "beat");

const worker = await createWorker({ handlers: [welcome, beats] });
console.log("ready");
process.once("SIGTERM", () => {
  void Promise.all([worker.stop(), sql.end()]).then(([inOrder]) => process.exit(inOrder ? 0 : 1));
});
