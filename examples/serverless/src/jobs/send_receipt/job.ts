import { defineJob } from "forgeq/job";
import * as z from "zod";

/** Sends the receipt of an order. */
export const sendReceipt = defineJob({
  type: "send_receipt",
  timeoutSeconds: 20,
  payload: z.object({ order: z.string().min(1) }),
});
