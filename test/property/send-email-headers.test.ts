import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sendEmail } from "../../functions/handlers/send_email/job.ts";
import { createMailer } from "../../functions/handlers/send_email/mailer.ts";
import type { Mailer } from "../../functions/handlers/send_email/mailer.ts";
import { sendMail } from "../../functions/handlers/send_email/send.ts";
import { startMailServer } from "../support/servers/mail-server.ts";
import type { MailServer } from "../support/servers/mail-server.ts";

let server: MailServer;
let mailer: Mailer;

beforeAll(async () => {
  server = await startMailServer();
  mailer = createMailer({ smtpUrl: server.url, from: "forgeq@example.com" });
});

afterAll(async () => {
  mailer.close();
  await server.close();
});

const HEADERS = [
  "content-transfer-encoding",
  "content-type",
  "date",
  "from",
  "message-id",
  "mime-version",
  "subject",
  "to",
];

const headerNames = (raw: string): string[] =>
  raw
    .split("\r\n\r\n", 1)[0]!
    .split(/\r\n(?![ \t])/)
    .map((line) => line.split(":", 1)[0]!.toLowerCase())
    .sort();

const awkward = fc.stringMatching(/^[a-z:<>,@"=? \r\n\u2028ü-]{0,60}$/);

it("never lets a subject or a body make a header or a recipient", async () => {
  await fc.assert(
    fc.asyncProperty(awkward, fc.oneof(awkward, fc.string()), async (subject, body) => {
      const payload = sendEmail.payload.safeParse({ email: "test@example.com", subject, body });
      if (!payload.success) {
        expect(subject).toMatch(/[\r\n\u2028]/);
        return;
      }
      await sendMail({ mailer }, payload.data, { id: "1", signal: new AbortController().signal });
      const mail = server.mails.at(-1)!;
      const names = headerNames(mail.raw);
      expect(new Set(names).size).toBe(names.length);
      expect(HEADERS).toEqual(expect.arrayContaining(names));
      expect(mail.to).toEqual(["test@example.com"]);
    }),
    { numRuns: 200 },
  );
});

it.each([
  "a@example.com, b@example.com",
  "a@example.com\r\nBcc: b@example.com",
  "A <a@example.com>",
  "a@example.com ",
  `${"a".repeat(250)}@example.com`,
  "",
])("refuses %j as an address", (email) => {
  expect(sendEmail.payload.safeParse({ email }).success).toBe(false);
});
