import { lambdaHandler } from "forgeq/job";
import { sendReceipt } from "./job.ts";

/** A real shop sends an email here, by the order's number as the idempotency key: a job may run twice. */
export const handler = lambdaHandler(sendReceipt, async ({ order }, job) => {
  job.log.info("sends the receipt", { order });
  return { sent: order };
});
