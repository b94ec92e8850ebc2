import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { MAX_SLICE } from "../../../lib/cli/commands/jobs-bulk.ts";
import { MAX_MANY } from "../../../lib/queue/manage/bulk-jobs.ts";
import { forgeq, startForgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { plain, setup as setUp, unlimited } from "../../support/queue.ts";

const TIME_OUT_MS = 120_000;

const setup = async () => {
  const s = await setUp({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
  const env = { DATABASE_URL: s.url };
  const run = (...args: string[]) => forgeq(args, { env });
  const waiting = async (where = "true"): Promise<number> =>
    (await s.db.query<{ n: number }>(`select count(*)::int as n from forgeq.job where ${where}`))[0]!.n;
  return { ...s, env, run, waiting };
};

const documents = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it("does what the API's slices can do", () => {
  expect(MAX_SLICE).toBe(MAX_MANY);
});

it("previews, acts in slices, and says what it skipped and why", { timeout: TIME_OUT_MS }, async () => {
  const { run, queue, waiting } = await setup();
  const [held] = await queue.enqueue(1, { uniqueKey: "k" });
  const rest = await queue.enqueue(24);
  const dry = await run("jobs", "bulk", "cancel", "--type", "plain", "--dry-run", "--json");
  expect(JSON.parse(dry.stdout)).toMatchObject({ matched: 25, capped: false, by: [{ type: "plain", jobs: 25 }] });
  const shown = await run("jobs", "bulk", "cancel", "--type", "plain", "--dry-run");
  expect(shown.stdout).toMatch(/JOBS +TYPE[^]*25 +plain/);
  expect(shown.stderr).toContain("25 jobs would be cancelled");
  expect(await waiting()).toBe(25);

  const moved = await run("jobs", "bulk", "reschedule", "--id", rest.slice(0, 3).join(), "--delay", "1h", "--json");
  expect(documents(moved.stdout)).toMatchObject([{ action: "reschedule", matched: 3, done: 3, skipped: [] }]);
  expect(await waiting("run_at > now() + interval '50 minutes'")).toBe(3);
  const cancelled = await run("jobs", "bulk", "cancel", "--type", "plain", "--slice", "10");
  expect(cancelled).toMatchObject({ code: 0, stdout: "25 cancelled or asked to end, 0 skipped, of 25 jobs\n" });
  expect(await waiting()).toBe(0);

  await queue.enqueue(1, { uniqueKey: "k" });
  const retried = await run("jobs", "bulk", "retry", "--state", "cancelled", "--slice", "10");
  expect(retried).toMatchObject({ code: 1, stdout: "24 retried, 1 skipped, of 25 jobs\n" });
  expect(retried.stderr).toContain(
    `1 skipped (unique_key_conflict): another live job holds their unique key: ${held}\n`,
  );
  const forgotten = await run("jobs", "bulk", "delete", "--all", "--json");
  expect(documents(forgotten.stdout)).toMatchObject([{ matched: 1, done: 1 }]);
});

it("stops at Ctrl-C after its slice, and goes on when it is run again", { timeout: TIME_OUT_MS }, async () => {
  const { run, env, queue, waiting } = await setup();
  const jobs = 2_000;
  for (let n = 0; n < jobs; n += 500) await queue.enqueue(500);
  const command = startForgeq(["jobs", "bulk", "cancel", "--type", "plain", "--slice", "2", "--json"], { env });
  command.child.stdout!.once("data", () => command.child.kill("SIGINT"));
  const { code, stdout, stderr } = await command.ended;
  const done = documents(stdout).reduce((sum, slice) => sum + (slice["done"] as number), 0);
  expect({ code, left: await waiting() }).toEqual({ code: 1, left: jobs - done });
  expect(done).toBeLessThan(jobs);
  expect(stderr).toContain("Stopped between two slices. Run the same command again to go on.");
  const rest = await run("jobs", "bulk", "cancel", "--type", "plain", "--slice", "500");
  expect(rest).toMatchObject({ code: 0, stdout: expect.stringContaining("0 skipped") as string });
  expect(await waiting()).toBe(0);
});

it("takes nothing of what it does from the config file", { timeout: TIME_OUT_MS }, async () => {
  const { env, queue, waiting } = await setup();
  await queue.enqueue(2);
  const config = join(temporaryFolder(), "forgeq.config.json");
  writeFileSync(config, JSON.stringify({ all: true, type: "plain" }));
  const refused = await forgeq(["jobs", "bulk", "cancel"], { env: { ...env, FORGEQ_CONFIG: config } });
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(await waiting()).toBe(2);
});

it("reschedules, clones and deletes jobs by id", { timeout: TIME_OUT_MS }, async () => {
  const { run, queue } = await setup();
  const payload = { email: "test@example.com" };
  const [id] = (await queue.enqueue(1, { type: "send_email", payload })) as [string];
  const moved = await run("jobs", "reschedule", id, "--run-at", "2030-01-31T08:00:00Z", "--priority", "1", "--json");
  expect(JSON.parse(moved.stdout)).toMatchObject({
    state: "scheduled",
    priority: 1,
    run_at: "2030-01-31T08:00:00.000Z",
  });
  const clone = await run("jobs", "clone", id, "--payload", '{"email":"other@example.com"}', "--delay", "1h", "--json");
  expect(JSON.parse(clone.stdout)).toMatchObject({
    ...{ type: "send_email", state: "scheduled" },
    metadata: { cloned_from: id },
  });
  const found = await run("jobs", "list", "--payload", "email=other@example.com", "--json");
  expect(documents(found.stdout)).toMatchObject([{ metadata: { cloned_from: id } }]);
  const wrong = await run("jobs", "clone", id, "--payload", '{"email":"nobody"}');
  expect(wrong).toMatchObject({ code: 1, stdout: "" });
  expect(wrong.stderr).toContain("/payload/email");
  const live = await run("jobs", "delete", id);
  expect(live).toMatchObject({ code: 1, stdout: "" });
  expect(live.stderr).toContain("only jobs that have ended are deleted");
  await run("jobs", "cancel", id);
  const late = await run("jobs", "reschedule", id, "--delay", "1m");
  expect(late).toMatchObject({ code: 1, stdout: "" });
  expect(late.stderr).toContain("it is cancelled: only jobs that wait are rescheduled");
  expect(documents((await run("jobs", "delete", id, "--json")).stdout)).toEqual([{ id, deleted: true }]);
  expect(await run("jobs", "delete", id)).toMatchObject({ code: 1, stdout: "" });
});

it("refuses wrong actions with exit code 2 and one sentence", { timeout: TIME_OUT_MS }, async () => {
  const id = "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
  const wrong: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [["bulk", "retry"], /^forgeq: without a filter every job is meant: say so by --all\n$/],
    [["bulk", "retry", "--state", "gone"], /Allowed choices/],
    [["bulk", "retry", "--all", "--slice", "501"], /from 1 to 500/],
    [["bulk", "cancel", "--all", "--delay", "1h"], /unknown option '--delay'/],
    [["bulk", "reschedule", "--all"], /^forgeq: give --run-at, --delay or --priority\n$/],
    [["bulk", "reschedule", "--all", "--delay", "1h", "--run-at", "2030-01-31T08:00:00Z"], /cannot be used with/],
    [["bulk", "explode", "--all"], /unknown command/],
    [["reschedule", id], /^forgeq: give --run-at, --delay or --priority\n$/],
    [["reschedule", id, "--delay", "99999d"], /^forgeq: --delay is longer/],
    [["clone", id, "--payload", "{"], /^forgeq: --payload is not JSON/],
    [["delete", "1"], /UUID/],
  ];
  for (const [args, said] of wrong) {
    const env = { DATABASE_URL: "postgres://postgres@127.0.0.1:1/none" };
    const ended = await forgeq(["jobs", ...args], { env });
    expect(ended, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(said);
  }
});
