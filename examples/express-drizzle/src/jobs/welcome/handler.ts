import { eq } from "drizzle-orm";
import { lambdaHandler } from "forgeq/job";
import { account, db } from "../../database.ts";
import { forDrizzle } from "../../for-drizzle.ts";
import { welcome } from "./job.ts";

/** Its write and the job's completion commit together, so that an account is welcomed once, however often the job runs. */
export const handler = lambdaHandler(welcome, ({ email }, job) =>
  db.transaction(async (tx) => {
    await tx.update(account).set({ welcomedAt: new Date() }).where(eq(account.email, email));
    await job.complete(forDrizzle(tx), { welcomed: email });
  }),
);
