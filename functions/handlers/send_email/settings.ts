import { expectSecret, secret, setting } from "../../../lib/runtime.ts";

export interface MailSettings {
  /** `smtp://` or `smtps://`, with its password. */
  readonly smtpUrl: string;
  /** The sender: `a@example.com` or `Name <a@example.com>`. */
  readonly mailFrom: string;
}

const SMTP_URL_PARAMETER = "FORGEQ_SMTP_URL_PARAMETER";
expectSecret(SMTP_URL_PARAMETER);

/**
 * How mail is sent: SMTP_URL, or the SSM parameter that FORGEQ_SMTP_URL_PARAMETER names, and MAIL_FROM.
 *
 * @throws Error when one of the two is missing
 */
export const mailSettings = async (): Promise<MailSettings> => {
  const smtpUrl = await secret("SMTP_URL", SMTP_URL_PARAMETER);
  const mailFrom = setting("MAIL_FROM");
  if (smtpUrl === undefined || smtpUrl === "" || mailFrom === undefined)
    throw new Error("SMTP_URL and MAIL_FROM must be set to send mail");
  return { smtpUrl, mailFrom };
};
