import { createTransport } from "nodemailer";
import { PermanentError } from "../../../lib/core/errors.ts";
import { isLoopback } from "../../../lib/core/loopback.ts";

/** One mail, ready to go out. `messageId` has its angle brackets. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
}

/** What the server took over. */
export interface Sent {
  readonly messageId: string;
  readonly accepted: readonly string[];
}

export interface Mailer {
  /** The sender's address, without a display name. */
  readonly sender: string;
  /**
   * Sends one mail to the server.
   *
   * @param signal - aborting it withdraws a waiting mail and closes the connection of one that is on its way
   * @throws PermanentError when the server refuses the recipient or the message for good; anything else may be tried again
   */
  send(mail: Mail, signal: AbortSignal): Promise<Sent>;
  /** Ends the idle connections; a mail sent afterwards fails. */
  close(): void;
}

/** A batch has at most this many jobs, so none waits for another's connection. */
const MAX_CONNECTIONS = 10;
const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;

interface SmtpFailure extends Error {
  readonly responseCode?: number;
  readonly command?: string;
}

/**
 * A 5xx about this recipient or this message will not change. One about the greeting, the login or the sender
 * is the configuration's: the operator mends it while the job is retried. RFC 5321 4.2.1; 552 is "too large".
 */
const isPermanent = ({ responseCode = 0, command = "" }: SmtpFailure): boolean =>
  responseCode >= 500 && (command === "RCPT TO" || command === "DATA" || responseCode === 552);

const addressOf = (from: string): string => /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from.trim();

/** A password goes to another machine encrypted or not at all, whatever that machine, or one on the way to it, says it can do. */
const needsTls = (smtpUrl: string): boolean => {
  const url = URL.parse(smtpUrl);
  if (url === null) return true;
  const hasPassword =
    url.username + url.password !== "" || [...url.searchParams.keys()].some((key) => /^auth\b/.test(key));
  return hasPassword && !isLoopback(url.hostname);
};

/**
 * Connections to one SMTP server, kept open between mails. With a password they are encrypted, by STARTTLS where the URL is `smtp://`.
 *
 * @param options.smtpUrl - `smtp://` or `smtps://`, with nodemailer's options as its query
 * @param options.from - the sender, `a@example.com` or `Name <a@example.com>`
 */
export const createMailer = (options: { readonly smtpUrl: string; readonly from: string }): Mailer => {
  const transport = createTransport({
    pool: true,
    url: options.smtpUrl,
    requireTLS: needsTls(options.smtpUrl),
    maxConnections: MAX_CONNECTIONS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    sender: addressOf(options.from),
    send: async ({ to, subject, text, messageId }, signal) => {
      try {
        // An address given as an object is not parsed as a list, so it can only ever name one recipient.
        const mail = { from: options.from, to: { name: "", address: to }, subject, text, messageId, signal };
        const { accepted } = await transport.sendMail(mail);
        return { messageId, accepted: accepted.map(String) };
      } catch (error) {
        signal.throwIfAborted();
        if (isPermanent(error as SmtpFailure)) throw new PermanentError((error as Error).message, { cause: error });
        throw error;
      }
    },
    close: () => transport.close(),
  };
};
