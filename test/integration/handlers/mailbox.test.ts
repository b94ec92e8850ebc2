import { once } from "node:events";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createMailer } from "../../../functions/handlers/send_email/mailer.ts";
import { startMailbox } from "../../../lib/local/mailbox.ts";
import { temporaryFolder } from "../../support/cli/cli.ts";

it("closes although a mailer keeps an idle connection", async () => {
  const mailbox = await startMailbox(join(temporaryFolder(), "mail"));
  const client = connect(Number(new URL(mailbox.url).port), "127.0.0.1");
  client.on("error", () => undefined);
  await once(client, "data");
  const closed = once(client, "close");
  // The library's own patience is 30 s, which is this test's time-out.
  await mailbox.close();
  await closed;
  expect(client.destroyed).toBe(true);
});

it("keeps mails where no other user of the machine can read them, in a folder that was open before, too", async () => {
  const folder = join(temporaryFolder(), "mail");
  mkdirSync(folder, { mode: 0o755 });
  const mailbox = await startMailbox(folder);
  const mailer = createMailer({ smtpUrl: mailbox.url, from: "forgeq@localhost" });
  onTestFinished(async () => {
    mailer.close();
    await mailbox.close();
  });
  const mail = { to: "test@example.com", subject: "Reset", text: "token 999", messageId: "<1@localhost>" };
  await mailer.send(mail, new AbortController().signal);
  const [file = "", ...more] = readdirSync(folder);
  expect(more).toEqual([]);
  expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o007).toBe(0);
});
