import type * as z from "zod";
import type { JobContext } from "../../../lib/queue/run/job-context.ts";
import type { sendEmail } from "./job.ts";
import type { Mailer } from "./mailer.ts";

/** The job's result. */
export interface SentEmail {
  readonly message_id: string;
  readonly accepted: readonly string[];
}

/**
 * Sends the mail of one job. Every attempt of a job gives the same Message-ID, so a mail that went out twice,
 * because the answer of the first was lost, can be recognised by whoever receives it.
 */
export const sendMail = async (
  deps: { readonly mailer: Mailer },
  payload: z.output<typeof sendEmail.payload>,
  job: Pick<JobContext, "id" | "signal">,
): Promise<SentEmail> => {
  const domain = deps.mailer.sender.split("@").at(-1);
  const mail = { to: payload.email, subject: payload.subject, text: payload.body, messageId: `<${job.id}@${domain}>` };
  const sent = await deps.mailer.send(mail, job.signal);
  return { message_id: sent.messageId, accepted: sent.accepted };
};
