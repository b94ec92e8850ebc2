import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { SMTPServerOptions } from "smtp-server";
import { describe, expect, it, onTestFinished } from "vitest";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { createMailer } from "../../../functions/handlers/send_email/mailer.ts";
import { sendMail } from "../../../functions/handlers/send_email/send.ts";
import { PermanentError } from "../../../lib/core/errors.ts";
import { startMailServer } from "../../support/servers/mail-server.ts";

const ID = "019ab000-0000-7000-8000-000000000001";

const setup = async (options: SMTPServerOptions = {}) => {
  const server = await startMailServer(options);
  const mailer = createMailer({ smtpUrl: server.url, from: "ForgeQ <forgeq@example.com>" });
  onTestFinished(async () => {
    mailer.close();
    await server.close();
  });
  const send = (payload: object, signal = new AbortController().signal) =>
    sendMail({ mailer }, sendEmail.payload.parse(payload), { id: ID, signal });
  return { server, mailer, send };
};

/** A server's refusal, as smtp-server takes it. */
const refusal = (responseCode: number, message: string) => Object.assign(new Error(message), { responseCode });

describe("send_email", () => {
  it("sends the mail and names it by the job", async () => {
    const { server, send } = await setup();

    const result = await send({ email: "test@example.com", subject: "Grüße", body: "first\n.\nlast" });

    expect(result).toEqual({ message_id: `<${ID}@example.com>`, accepted: ["test@example.com"] });
    expect(server.mails).toHaveLength(1);
    const [mail] = server.mails;
    expect(mail).toMatchObject({ from: "forgeq@example.com", to: ["test@example.com"] });
    expect(mail!.raw).toContain(`Message-ID: <${ID}@example.com>\r\n`);
    expect(mail!.raw).toContain("From: ForgeQ <forgeq@example.com>\r\n");
    expect(mail!.raw).toContain("Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n");
    expect(mail!.raw).toContain("\r\n\r\nfirst\r\n.\r\nlast");
  });

  it("fills in the subject and the body", async () => {
    const { server, send } = await setup();
    await send({ email: "test@example.com" });
    expect(server.mails[0]!.raw).toContain("Subject: Hello\r\n");
  });

  it("gives every attempt of a job the same Message-ID", async () => {
    const { server, send } = await setup();
    const first = await send({ email: "test@example.com" });
    const second = await send({ email: "test@example.com" });
    expect(second).toEqual(first);
    expect(server.mails).toHaveLength(2);
  });

  it("sends the mails of a process through the connections it has", async () => {
    const { server, send } = await setup();
    for (let mail = 0; mail < 5; mail += 1) await send({ email: "test@example.com" });
    expect(server.mails).toHaveLength(5);
    expect(server.connections()).toBe(1);
  });

  it("buries the job when the server refuses the recipient for good", async () => {
    const { send } = await setup({
      onRcptTo: (_address, _session, callback) => callback(refusal(550, "no such user")),
    });
    await expect(send({ email: "test@example.com" })).rejects.toThrow(PermanentError);
  });

  it("buries the job when the server refuses the message for good", async () => {
    const onData: SMTPServerOptions["onData"] = (stream, _session, callback) => {
      stream.resume().on("end", () => callback(refusal(554, "looks like spam")));
    };
    const { send } = await setup({ onData });
    await expect(send({ email: "test@example.com" })).rejects.toThrow(/spam/);
    await expect(send({ email: "test@example.com" })).rejects.toThrow(PermanentError);
  });

  it.each([
    ["the recipient for now", { onRcptTo: (_address, _session, callback) => callback(refusal(450, "greylisted")) }],
    ["the sender", { onMailFrom: (_address, _session, callback) => callback(refusal(550, "not yours")) }],
    ["the connection", { onConnect: (_session, callback) => callback(refusal(554, "go away")) }],
  ] satisfies [string, SMTPServerOptions][])(
    "leaves the job to its retries when the server refuses %s",
    async (_what, options) => {
      const { send } = await setup(options);
      const error = await send({ email: "test@example.com" }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Error);
      expect(error).not.toBeInstanceOf(PermanentError);
    },
  );

  it("leaves the job to its retries when no server listens", async () => {
    const { server, send } = await setup();
    await server.close();
    await expect(send({ email: "test@example.com" })).rejects.toThrow(/ECONNREFUSED/);
  });

  it("stops with the signal's reason while the server is silent", async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const mailer = createMailer({
      smtpUrl: `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      from: "forgeq@example.com",
    });
    onTestFinished(() => {
      mailer.close();
      silent.close();
    });
    const controller = new AbortController();
    silent.once("connection", () => controller.abort(new Error("the job was cancelled")));

    const mail = { to: "test@example.com", subject: "Hello", text: "", messageId: `<${ID}@example.com>` };
    await expect(mailer.send(mail, controller.signal)).rejects.toThrow("the job was cancelled");
  });

  it.each([
    ["user:secret@127.0.0.2", "", 0],
    ["127.0.0.2", "?auth.user=user&auth.pass=secret", 0],
    ["user:secret@127.0.0.1", "", 1],
    ["127.0.0.2", "", 1],
  ])("gives no password to another machine that can't encrypt: %s%s", async (place, query, mails) => {
    const passwords: unknown[] = [];
    const server = await startMailServer({
      disabledCommands: ["STARTTLS"],
      allowInsecureAuth: true,
      authOptional: true,
      onAuth: ({ username, password }, _session, done) => {
        passwords.push(password);
        done(null, { user: username });
      },
      host: "0.0.0.0",
    });
    const smtpUrl = `smtp://${place}:${new URL(server.url).port}/${query}`;
    const mailer = createMailer({ smtpUrl, from: "forgeq@example.com" });
    onTestFinished(async () => {
      mailer.close();
      await server.close();
    });
    const mail = { to: "test@example.com", subject: "Hello", text: "", messageId: `<${ID}@example.com>` };
    const error = await mailer.send(mail, new AbortController().signal).catch((reason: unknown) => reason);
    if (mails === 0) {
      expect(String(error)).toMatch(/STARTTLS/);
      // The operator mends it while the job is retried.
      expect(error).not.toBeInstanceOf(PermanentError);
    }
    expect(server.mails).toHaveLength(mails);
    expect(passwords).toEqual(place.startsWith("user") && mails === 1 ? ["secret"] : []);
  });

  it("sends nothing once the signal has aborted", async () => {
    const { server, send } = await setup();
    await expect(send({ email: "test@example.com" }, AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
    expect(server.connections()).toBe(0);
  });
});
