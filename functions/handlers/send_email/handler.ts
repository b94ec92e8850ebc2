import { lambdaHandler } from "../../../lib/job.ts";
import { settings } from "../../../lib/runtime.ts";
import { sendEmail } from "./job.ts";
import { createMailer } from "./mailer.ts";
import type { Mailer } from "./mailer.ts";
import { sendMail } from "./send.ts";

let mailer: Mailer | undefined;

/** One pool of connections per process, opened by its first mail. */
const processMailer = (): Mailer => {
  if (mailer) return mailer;
  const { smtpUrl, mailFrom } = settings();
  if (!smtpUrl || !mailFrom) throw new Error("SMTP_URL and MAIL_FROM must be set to send mail");
  return (mailer = createMailer({ smtpUrl, from: mailFrom }));
};

export const handler = lambdaHandler(sendEmail, async (payload, job) =>
  sendMail({ mailer: processMailer() }, payload, job),
);
