import { randomUUID } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { examine } from "../../../lib/cli/checks.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { neonOf } from "../../support/database/drivers.ts";

it("asks for a statement_timeout of each login role where a statement can't be cancelled, and prints the statement", async () => {
  const { db, url } = await createTestDatabase();
  const [caller, other, group] = ["caller", "other", "group"].map((name) => `${name}-${randomUUID()}`);
  for (const role of [`"${caller}" login`, `"${other}" login`, `"${group}"`]) await db.query(`create role ${role}`);
  onTestFinished(async () => {
    for (const role of [caller, group]) await db.query(`revoke usage on schema forgeq from "${role}"`);
    for (const role of [caller, other, group]) await db.query(`drop role "${role}"`);
  });
  for (const role of [caller, group]) await db.query(`grant usage on schema forgeq to "${role}"`);

  const neon = await neonOf(url);
  const deadlines = async (driver: "pg" | "neon") =>
    (await examine({ url, driver, fetchEndpoint: neon.fetchEndpoint, wsProxy: neon.wsProxy }, [], "always")).find(
      ({ check }) => check === "deadlines",
    );
  expect(await deadlines("pg")).toMatchObject({ level: "ok" });

  const asked = await deadlines("neon");
  expect(asked).toMatchObject({ level: "warning", found: expect.stringContaining(caller!) as string });
  const cures = (asked?.cure ?? "").split("; ");
  expect(cures).toContain(`alter role "${caller}" set statement_timeout = '6s'`);
  expect(asked?.cure).not.toMatch(new RegExp(`${other}|${group}`));

  await db.query(cures.find((cure) => cure.includes(caller!))!);
  await db.query(`do $$ begin execute format('alter role %I in database %I set statement_timeout = ''9s''', session_user, current_database()); end $$`); // prettier-ignore
  // Superusers of other tests may use any schema.
  expect((await deadlines("neon"))?.found).not.toContain(caller);
});

it("compares the connections that the functions hold with what Postgres has for the role", async () => {
  const { db, url } = await createTestDatabase();
  const role = `few_${randomUUID().replaceAll("-", "")}`;
  const { password } = new URL(url);
  await db.query(`create role ${role} login superuser connection limit 7 password '${password}'`);
  onTestFinished(async () => void (await db.query(`drop role ${role}`)));
  const own = new URL(url);
  own.username = role;
  const check = async (connections: number) => {
    const found = await examine({ url: own.href }, [], "always", { connections });
    return found.find((each) => each.check === "connections");
  };
  expect(await check(7)).toMatchObject({ level: "ok" });
  expect(await check(8)).toMatchObject({
    level: "problem",
    found: "the functions hold 8 connections at most, and Postgres has 7 for this role",
  });
});

it("takes a count of connections that is one", async () => {
  const { code, stderr } = await forgeq(["doctor", "--connections", "many"]);
  expect({ code, said: stderr.includes("--connections") }).toEqual({ code: 2, said: true });
});

it("warns of schedules that go on storing jobs of a type that the project has dropped", async () => {
  const { db, url } = await createTestDatabase();
  const types = async () =>
    (await examine({ url, driver: "pg" }, ["kept"], "always")).find(({ check }) => check === "types");
  expect(await types()).toMatchObject({ level: "ok" });
  await db.query(
    `insert into forgeq.schedule (name, id, cron, timezone, type, payload, decided_until, next_slot_at)
     values ('old', gen_random_uuid(), '* * * * *', 'UTC', 'gone', '{}', now(), now() + interval '1 minute')`,
  );
  expect(await types()).toMatchObject({ level: "warning", found: expect.stringContaining("old (gone)") as string });
});
