import { expect, it } from "vitest";
import { forgeq, makeProject, startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";
import { until } from "../../support/worker/worker.ts";

const TIMEOUT = { timeout: 90_000 };

const setup = async () => {
  const s = await createTestDatabase();
  const { db } = s;
  const { url } = await logIn(s, ["enqueue", "worker", "manage"]);
  const { folder } = await makeProject(db);
  const options = { cwd: folder, env: { DATABASE_URL: url } };
  return { db, options, run: (...args: string[]) => forgeq(args, options) };
};

const ndjson = (text: string) =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it(
  "makes, lists, changes, pauses, triggers and deletes a schedule, and refuses what its jobs would be refused for",
  TIMEOUT,
  async () => {
    const { db, run } = await setup();
    const rule = ["--cron", "0 9 * * 1-5", "--timezone", "Europe/Berlin"];
    const wrong = await run("schedules", "create", "digest", ...rule, "--type", "tally", "--payload", '{"ms":"long"}');
    expect(wrong).toMatchObject({ code: 1, stdout: "" });
    expect(wrong.stderr).toContain("/payload/ms");
    const unknown = await run("schedules", "create", "digest", ...rule, "--type", "talley");
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    expect(unknown.stderr).toContain("no job type talley");
    expect(await db.query("select from forgeq.schedule")).toEqual([]);

    const made = await run("schedules", "create", "digest", ...rule, "--type", "tally", "--payload", "{}", "--json");
    expect(ndjson(made.stdout)).toMatchObject([{ name: "digest", timezone: "Europe/Berlin", payload: {} }]);
    expect((await run("schedules", "create", "digest", ...rule, "--type", "tally")).stderr).toContain("already");
    const edited = await run("schedules", "update", "digest", "--cron", "0 8 * * *", "--json");
    expect(ndjson(edited.stdout)).toMatchObject([{ cron: "0 8 * * *", timezone: "Europe/Berlin" }]);
    expect(await run("schedules", "update", "digest", "--payload", '{"ms":"long"}')).toMatchObject({
      code: 1,
      stdout: "",
    });
    expect(ndjson((await run("schedules", "pause", "digest", "--json")).stdout)).toMatchObject([{ paused: true }]);
    expect(ndjson((await run("schedules", "resume", "digest", "--json")).stdout)).toMatchObject([{ paused: false }]);
    expect(ndjson((await run("schedules", "list", "--json")).stdout)).toMatchObject([{ name: "digest" }]);
    expect((await run("schedules", "show", "digest")).stdout).toContain("tally");
    const [job] = ndjson((await run("schedules", "trigger", "digest", "--json")).stdout);
    expect(job).toMatchObject({ type: "tally", state: "pending", metadata: { schedule: "digest" } });
    expect(await run("schedules", "delete", "digest")).toMatchObject({ code: 0, stdout: "" });
    expect(await run("schedules", "delete", "digest")).toMatchObject({ code: 1, stdout: "" });
  },
);

it(
  "follows jobs as NDJSON until the one it is asked for has ended, and says what a migration would do",
  TIMEOUT,
  async () => {
    const { options, run } = await setup();
    const { stdout } = await run("enqueue", "--type", "tally");
    const id = stdout.trim();
    const tail = startForgeq(["jobs", "tail", id, "--json"], options);
    await until(() => tail.stdout().includes("\n"));
    expect(await run("worker", "--once")).toMatchObject({ code: 0, stdout: "" });
    const { code, stdout: lines } = await tail.ended;
    expect(code).toBe(0);
    expect(ndjson(lines)[0]).toMatchObject({ id, state: "pending" });
    expect(ndjson(lines).at(-1)).toMatchObject({ id, state: "completed", attempt: 1 });

    const all = startForgeq(["jobs", "tail", "--json"], options);
    await until(() => all.stdout().includes("\n"));
    all.child.kill("SIGINT");
    expect(ndjson((await all.ended).stdout)).toMatchObject([{ id, state: "completed" }]);
    expect(ndjson((await run("migrate", "--check", "--json")).stdout)).toEqual([
      { applied: [], dry_run: true, types: ["tally"] },
    ]);
  },
);
