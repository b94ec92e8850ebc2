import { lambdaHandler } from "../../../lib/job.ts";
import { settings, smtpUrl } from "../../../lib/runtime.ts";
import { sendEmail } from "./job.ts";
import { createMailer } from "./mailer.ts";
import type { Mailer } from "./mailer.ts";
import { sendMail } from "./send.ts";

let mailer: Promise<Mailer> | undefined;

const openMailer = async (): Promise<Mailer> => {
  const [url, { mailFrom }] = [await smtpUrl(), settings()];
  if (!url || !mailFrom) throw new Error("SMTP_URL and MAIL_FROM must be set to send mail");
  return createMailer({ smtpUrl: url, from: mailFrom });
};

/** One pool of connections per process, opened by its first mail. */
const processMailer = (): Promise<Mailer> =>
  (mailer ??= openMailer().catch((error: unknown) => {
    mailer = undefined;
    throw error;
  }));

export const handler = lambdaHandler(sendEmail, async (payload, job) =>
  sendMail({ mailer: await processMailer() }, payload, job),
);
