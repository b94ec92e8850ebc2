import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import type { SMTPServerOptions } from "smtp-server";

/** A real SMTP server on loopback that keeps what it took. */
export interface MailServer {
  readonly url: string;
  readonly mails: { readonly from: string; readonly to: readonly string[]; readonly raw: string }[];
  /** Connections that were made so far. */
  readonly connections: () => number;
  close(): Promise<void>;
}

/** @param options.host - where it listens; 127.0.0.1 unless given */
export const startMailServer = async ({
  host = "127.0.0.1",
  ...options
}: SMTPServerOptions & { readonly host?: string } = {}): Promise<MailServer> => {
  const mails: MailServer["mails"] = [];
  let connections = 0;
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    logger: false,
    onConnect: (_session, callback) => {
      connections += 1;
      callback();
    },
    onData: (stream, session, callback) => {
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        mails.push({ from, to: rcptTo.map(({ address }) => address), raw: Buffer.concat(parts).toString() });
        callback();
      });
    },
    ...options,
  });
  // Clients that hang up in the middle are part of the tests.
  server.on("error", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    connections: () => connections,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
};
