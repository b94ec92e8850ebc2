import { expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";

const MAIL = '{"email":"test@example.com"}';

it("declares and deletes queues, and stores jobs in no other", { timeout: 90_000 }, async () => {
  const s = await createTestDatabase();
  const { db } = s;
  const { url } = await logIn(s, ["enqueue", "manage"]);
  await syncDefinitions(db, jobs, queues);
  const run = (...args: string[]) => forgeq(args, { env: { DATABASE_URL: url } });
  const enqueue = () =>
    run("enqueue", "--type", "send_email", "--payload", MAIL, "--queue", "newsletter", "--delay", "1h");

  expect(await enqueue()).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("no queue newsletter") as string,
  });
  const wrong = await run("queues", "set", "newsletter", "--max-in-flight", "2");
  expect(wrong).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("--types declares it") as string,
  });
  const unheard = await run("queues", "set", "newsletter", "--types", "unheard_of");
  expect(unheard).toMatchObject({ code: 1, stderr: expect.stringContaining("no job type unheard_of") as string });
  expect(await run("queues", "set", "newsletter", "--types", "No")).toMatchObject({ code: 2, stdout: "" });

  const made = await run(
    "queues",
    "set",
    "newsletter",
    "--types",
    "send_email,crawl_page",
    "--max-in-flight",
    "2",
    "--json",
  );
  expect(JSON.parse(made.stdout)).toMatchObject({ types: ["send_email", "crawl_page"], max_in_flight: 2 });
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("newsletter is declared") as string });
  const { code, stdout: id } = await enqueue();
  expect(code).toBe(0);

  const closed = await run("queues", "set", "newsletter", "--types", "none");
  expect(closed).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("Only jobs of types that the code") as string,
  });
  expect(await enqueue()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("nor an operator lists it") as string,
  });

  const full = await run("queues", "delete", "newsletter");
  expect(full).toMatchObject({ code: 1, stderr: expect.stringContaining("has live jobs") as string });
  const declared = await run("queues", "delete", "emails");
  expect(declared).toMatchObject({ code: 1, stderr: expect.stringContaining("the code declares") as string });
  await run("jobs", "cancel", id.trim());
  expect(await run("queues", "delete", "newsletter")).toMatchObject({ code: 0, stdout: "" });
  const gone = await run("queues", "delete", "newsletter");
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no queue newsletter") as string });
  const retried = await run("jobs", "retry", id.trim());
  expect(retried).toMatchObject({ code: 1, stderr: expect.stringContaining("queue newsletter is gone") as string });
});
