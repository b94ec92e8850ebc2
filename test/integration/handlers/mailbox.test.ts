import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
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
