import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { isMigrated } from "../../../lib/db/schema/schema.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** `forgeq migrate` as a process of its own, in the project's folder. */
const forgeq = (url: string, ...args: string[]) => run({ DATABASE_URL: url }, args);

const run = (env: Record<string, string>, args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["lib/cli/forgeq.ts", "migrate", ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
};

it("forgeq migrate says what it did, and ends with 0, 1 or 2", { timeout: 120_000 }, async () => {
  const { db, url } = await createTestDatabase({ empty: true });
  const dry = forgeq(url, "--dry-run");
  expect(dry).toMatchObject({ status: 0 });
  expect(dry.stdout.split("\n")[0]).toBe("0001_tables.sql");
  expect(await isMigrated(db)).toBe(false);

  const real = forgeq(url, "--json");
  expect(real).toMatchObject({ status: 0 });
  expect(JSON.parse(real.stdout)).toMatchObject({
    dry_run: false,
    types: expect.arrayContaining(["crawl_page", "generate_report", "send_email"]) as string[],
  });
  expect(await isMigrated(db)).toBe(true);
  expect(await db.query("select type from forgeq.job_type where type = 'send_email'")).toHaveLength(1);

  await db.query("update forgeq.migration set checksum = 'other' where name = '0001_tables.sql'");
  const edited = forgeq(url);
  expect(edited).toMatchObject({ status: 1, stdout: "" });
  expect(edited.stderr).toContain("made by an unreleased version of ForgeQ, by another text of 0001_tables.sql");

  const away = forgeq("postgres://someone:secret@127.0.0.1:1/nowhere");
  expect(away).toMatchObject({ status: 1, stdout: "" });
  expect(away.stderr).toContain("can't be reached");
  expect(away.stderr).not.toContain("secret");
  expect(forgeq(url, "--no-such-option").status).toBe(2);
});

it("forgeq migrate prints the SQL of the group roles that it may not make", { timeout: 60_000 }, async () => {
  const admin = await createTestDatabase({ empty: true });
  const owner = await logIn(admin, []);
  const database = new URL(admin.url).pathname.slice(1);
  await admin.db.query(`grant create on database ${database} to ${owner.name}`);
  const env = { DATABASE_URL: owner.url, FORGEQ_ROLE_PREFIX: "fq_nobody" };
  const { status, stderr } = run(env, []);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  for (const role of ["enqueue", "worker", "manage", "read"])
    expect(stderr).toContain(`create role fq_nobody_${role} nologin;`);
  expect(JSON.parse(run(env, ["--json"]).stdout)).toMatchObject({
    missing_roles: expect.arrayContaining(["create role fq_nobody_worker nologin"]) as string[],
  });
  expect(run({ ...env, FORGEQ_ROLE_PREFIX: "No Role" }, [])).toMatchObject({ status: 1, stdout: "" });
});

it(
  "forgeq migrate writes SERVICE-STAGE, takes over from another one, and refuses what does not fit",
  { timeout: 120_000 },
  async () => {
    const { db, url } = await createTestDatabase();
    const at = (stage: string, ...args: string[]) => run({ DATABASE_URL: url, FORGEQ_STAGE: stage }, args);
    const owners = () => db.query("select owner from forgeq.job_type union select owner from forgeq.queue");
    expect(JSON.parse(at("prod", "--json").stdout)).toMatchObject({ owner: "forgeq-prod" });
    expect(await owners()).toEqual([{ owner: "forgeq-prod" }]);
    // Without a stage it changes no owner.
    expect(run({ DATABASE_URL: url, FORGEQ_STAGE: "" }, []).status).toBe(0);
    expect(await owners()).toEqual([{ owner: "forgeq-prod" }]);

    const other = at("next");
    expect(other).toMatchObject({ status: 1, stdout: "" });
    expect(other.stderr).toContain("belongs to forgeq-prod, and this is forgeq-next");

    await db.query("select forgeq.dispatcher_mark(gen_random_uuid(), 'active', owner => 'forgeq-prod')");
    const early = at("next", "--adopt-from", "forgeq-prod");
    expect(early).toMatchObject({ status: 1 });
    expect(early.stderr).toMatch(/ran \d+ s ago: stop it, wait for three minutes, or take over with --force/);
    expect(await owners()).toEqual([{ owner: "forgeq-prod" }]);
    const forced = at("next", "--adopt-from", "forgeq-prod", "--force");
    expect(forced).toMatchObject({ status: 0 });
    expect(forced.stderr).toContain("belong to forgeq-next now. 0 jobs wait in them.");
    expect(await owners()).toEqual([{ owner: "forgeq-next" }]);

    for (const [stage, args, says] of [
      ["next", ["--discard-jobs"], "goes with --adopt-from"],
      ["next", ["--adopt-from", "forgeq-next"], "is the owner already"],
      ["next", ["--adopt-from", "not a name"], "takes SERVICE-STAGE"],
      ["next", ["--adopt-from", "forgeq-prod", "--check"], "leave out --dry-run and --check"],
      ["a stage", [], "use letters, digits, - and _"],
    ] as const)
      expect(at(stage, ...args)).toMatchObject({ status: 2, stderr: expect.stringContaining(says) as string });
    expect(at("next", "--adopt-from", "forgeq-gone").stderr).toContain("no type or queue belongs to forgeq-gone");
  },
);
