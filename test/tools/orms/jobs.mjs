import * as z from "zod";
import { defineJob } from "../../../lib/job.ts";

export const signUp = defineJob({ type: "sign_up", payload: z.object({ name: z.string() }) });

export const beat = defineJob({
  type: "beat",
  payload: z.object({}),
  schedules: [{ name: "every-second", cron: "* * * * * *", payload: {} }],
});
