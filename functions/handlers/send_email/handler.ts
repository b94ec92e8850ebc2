import { lambdaHandler } from "../../../lib/job.ts";
import { sendEmail } from "./job.ts";
import { createMailer } from "./mailer.ts";
import type { Mailer } from "./mailer.ts";
import { sendMail } from "./send.ts";
import { mailSettings } from "./settings.ts";

let mailer: Promise<Mailer> | undefined;

const openMailer = async (): Promise<Mailer> => {
  const { smtpUrl, mailFrom } = await mailSettings();
  return createMailer({ smtpUrl, from: mailFrom });
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
