import { defineJob } from "forgeq/job";
import * as z from "zod";

/** Welcomes a new account. The service enqueues it in the transaction that makes the account. */
export const welcome = defineJob({
  type: "welcome",
  payload: z.object({ email: z.email() }),
});
