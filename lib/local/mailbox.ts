import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";

const CLOSE_MS = 200;
const MAX_BYTES = 25 * 1024 * 1024;

export interface Mailbox {
  /** Of its SMTP server. */
  readonly url: string;
  close(): Promise<void>;
}

/** A mailbox for development: a real SMTP server on loopback that keeps every mail as a file of `folder`. */
export const startMailbox = async (folder: string): Promise<Mailbox> => {
  await mkdir(folder, { recursive: true });
  const keep = async (mail: Buffer): Promise<void> => {
    const name = `${new Date().toISOString().replaceAll(":", "-")}-${randomUUID().slice(0, 8)}.eml`;
    const draft = join(folder, `.${name}`);
    await writeFile(draft, mail);
    // Whole or not there: whoever watches the folder never sees half a mail.
    await rename(draft, join(folder, name));
  };
  const server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
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
  return { url: `smtp://127.0.0.1:${port}`, close: () => new Promise((resolve) => server.close(() => resolve())) };
};
