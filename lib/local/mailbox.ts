import { randomUUID } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { isSecret, newSecret } from "./callers.ts";
import { privateFolder } from "./private-files.ts";

const USER = "forgeq";
const CLOSE_MS = 200;
const MAX_BYTES = 25 * 1024 * 1024;

export interface Mailbox {
  /** The URL of its SMTP server, with its password. */
  readonly url: string;
  close(): Promise<void>;
}

/** The sender where nobody names one. */
const SENDER = "forgeq@localhost";

/** Whether mails are for the development mailbox: nobody has said where they go. */
export const wantsMailbox = (valueOf: (name: string) => string | undefined): boolean => !valueOf("SMTP_URL");

/** The variables by which a process sends to a mailbox, where it has one, from a sender that is always set. */
export const mailVariables = (
  mailbox: Mailbox | null,
  valueOf: (name: string) => string | undefined,
): Record<string, string> => ({
  ...(mailbox !== null && { SMTP_URL: mailbox.url }),
  ...(!valueOf("MAIL_FROM") && { MAIL_FROM: SENDER }),
});

/** A mailbox for development: a real SMTP server on loopback that keeps every mail as a file of `folder`, which only this user can read. */
export const startMailbox = async (folder: string): Promise<Mailbox> => {
  privateFolder(folder);
  const keep = async (mail: Buffer): Promise<void> => {
    const name = `${new Date().toISOString().replaceAll(":", "-")}-${randomUUID().slice(0, 8)}.eml`;
    const draft = join(folder, `.${name}`);
    await writeFile(draft, mail, { mode: 0o600 });
    // A program that watches the folder never sees half a mail.
    await rename(draft, join(folder, name));
  };
  const secret = newSecret();
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    // On loopback no other machine hears the secret.
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === USER && isSecret(secret, password ?? "")
        ? done(null, { user: USER })
        : done(new Error("wrong password")),
    size: MAX_BYTES,
    // A mailer's idle connections don't hold up the end.
    closeTimeout: CLOSE_MS,
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error) => done(error));
      stream.on("end", () => {
        keep(Buffer.concat(chunks)).then(() => done(), done);
      });
    },
  });
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://${USER}:${secret}@127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
};
