import { userInfo } from "node:os";
import { expect, it } from "vitest";
import { idOf } from "../../../lib/core/id-of.ts";
import { forgeq, makeProject, startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { until } from "../../support/worker/worker.ts";

const TIMEOUT = { timeout: 90_000 };
const DAY_MS = 86_400_000;

const setup = async () => {
  const { db, url } = await createTestDatabase();
  const { folder } = await makeProject(db);
  const options = { cwd: folder, env: { DATABASE_URL: url } };
  return { db, options, run: (...args: string[]) => forgeq(args, options) };
};

interface Line {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly life: number;
}

const ndjson = (text: string): Line[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);

it("forgeq id makes the id of a key and an instant, and forgeq enqueue takes it once", TIMEOUT, async () => {
  const { run } = await setup();
  const madeAt = new Date(Date.now() - DAY_MS);
  const id = idOf("order 42", madeAt);
  expect(await run("id", "order 42", madeAt.toISOString())).toMatchObject({ code: 0, stdout: `${id}\n`, stderr: "" });
  expect(await run("id", "order 42", madeAt.toISOString(), "--json")).toMatchObject({ stdout: `{"id":"${id}"}\n` });
  for (const args of [["order 42"], ["order 42", "yesterday"], []])
    expect(await run("id", ...args)).toMatchObject({ code: 2, stdout: "" });
  expect(await run("id", "", madeAt.toISOString())).toMatchObject({ code: 2, stdout: "" });

  expect(await run("enqueue", "--type", "tally", "--id", id)).toMatchObject({ code: 0, stdout: `${id}\n` });
  expect((await run("enqueue", "--type", "tally", "--id", id)).stderr).toContain("It was there already");
  const other = await run("enqueue", "--type", "tally", "--id", "6f9619ff-8b86-4011-b42d-00c04fc964ff");
  expect(other).toMatchObject({ code: 1, stdout: "" });
  expect(other.stderr).toContain("forgeq.id_of(key, made_at) makes one");
});

it(
  "forgeq jobs tail tells of a job whose id is older than those of the newest page when it ends, and of no job twice",
  TIMEOUT,
  async () => {
    const { db, options, run } = await setup();
    // The newest page is full of jobs that are due much later.
    await db.query(
      `select from forgeq.enqueue_many((
       select jsonb_agg(jsonb_build_object('type', 'tally', 'payload', '{}'::jsonb, 'delay_seconds', 86400)) from generate_series(1, 150)))`,
    );
    const id = idOf("long ago", new Date(Date.now() - 20 * DAY_MS));
    const tail = startForgeq(["jobs", "tail", "--json"], options);
    await until(() => ndjson(tail.stdout()).length >= 100);

    expect(await run("enqueue", "--type", "tally", "--id", id)).toMatchObject({ code: 0 });
    expect(await run("worker", "--once")).toMatchObject({ code: 0 });
    await until(() => tail.stdout().includes(id));
    // It ends again, in its next life.
    expect(await run("jobs", "retry", id)).toMatchObject({ code: 0 });
    expect(await run("worker", "--once")).toMatchObject({ code: 0 });
    await until(() => ndjson(tail.stdout()).some((line) => line.id === id && line.life === 2));
    // What is new comes with a later read, which finds both ends again.
    for (const _ of [1, 2]) {
      const { stdout } = await run("enqueue", "--type", "tally", "--delay", "1h");
      await until(() => tail.stdout().includes(stdout.trim()));
    }
    tail.child.kill("SIGINT");

    const lines = ndjson((await tail.ended).stdout);
    expect(lines.filter((line) => line.id === id)).toMatchObject([
      { state: "completed", life: 1 },
      { state: "completed", life: 2 },
    ]);
    expect(lines).toHaveLength(104);
  },
);

it("jobs show and retry take the beginning of an id that names one job", TIMEOUT, async () => {
  const { db, run } = await setup();
  const at = new Date(Date.now() - DAY_MS);
  const [one, other, third] = ["one", "other", "third"].map((key, n) =>
    idOf(key, new Date(at.getTime() + (n * DAY_MS) / 4)),
  );
  const twin = `${third!.slice(0, 23)}-ffffffffffff`;
  for (const id of [one!, other!, third!, twin]) await run("enqueue", "--type", "tally", "--id", id);
  const shown = async (given: string) => {
    const { code, stdout, stderr } = await run("jobs", "show", given, "--json");
    return code === 0 ? (JSON.parse(stdout) as Line).id : { code, stderr };
  };
  expect(await shown(one!.slice(0, 8))).toBe(one);
  expect(await shown(other!.slice(0, 13).toUpperCase())).toBe(other);
  expect(await shown(twin.slice(0, 28))).toBe(twin);
  expect(await shown(third!.slice(0, 8))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`several jobs have an id that begins with ${third!.slice(0, 8)}`) as string,
  });
  expect(await shown("00000000")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no job whose id") as string,
  });
  expect(await shown("0000")).toMatchObject({ code: 2 });
  expect(await run("jobs", "cancel", one!.slice(0, 8))).toMatchObject({ code: 0 });
  expect(await db.query("select state::text from forgeq.jobs where id = $1", [one])).toEqual([{ state: "cancelled" }]);
  expect((await run("jobs", "list")).stdout).toMatch(/ \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
});

it("enqueue --wait shows the result of a job that completed", TIMEOUT, async () => {
  const { options, run } = await setup();
  const worker = startForgeq(["worker"], options);
  const { code, stderr } = await run("enqueue", "--type", "tally", "--wait");
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/completed, attempt 1 of \d+\nResult: \S/) as string,
  });
  worker.child.kill("SIGTERM");
  await worker.ended;
});

it("jobs show has an earlier life, and says when it was retried and by whom", TIMEOUT, async () => {
  const { run } = await setup();
  const { stdout } = await run("enqueue", "--type", "tally");
  const id = stdout.trim();
  expect(await run("worker", "--once")).toMatchObject({ code: 0 });
  expect(await run("jobs", "retry", id)).toMatchObject({ code: 0 });
  const newest = await run("jobs", "show", id);
  expect(newest.stdout).toMatch(/life +2\n/);
  expect(newest.stderr).toContain(`forgeq jobs show ${id} --life 1`);
  const first = await run("jobs", "show", id, "--life", "1");
  expect(first.stdout).toMatch(/state +completed\n/);
  expect(first.stdout).toMatch(new RegExp(`retried +\\d{4}-\\S+Z by ${userInfo().username}\n`));
  const { life, retried } = JSON.parse((await run("jobs", "show", id, "--life", "1", "--json")).stdout) as Line & {
    readonly retried: { readonly by: string };
  };
  expect([life, retried.by]).toEqual([1, userInfo().username]);
  expect(await run("jobs", "show", id, "--life", "3")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(
      "there is no life 3 of this job, or it is no longer kept; its newest is 2",
    ) as string,
  });
  expect(await run("jobs", "show", id, "--life", "0")).toMatchObject({ code: 2 });
});
