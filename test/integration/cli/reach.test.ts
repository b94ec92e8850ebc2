import { expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { plain, setup as setUp, unlimited } from "../../support/queue.ts";

const TIME_OUT_MS = 120_000;

/** A database with the project's types and `plain`, and commands on it. */
const setup = async () => {
  const s = await setUp({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
  const run = (...args: string[]) => forgeq(args, { env: { DATABASE_URL: s.url } });
  const idsOf = async (...filter: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await run("jobs", "list", "--json", ...filter);
    expect(code, stderr).toBe(0);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { id: string }).id)
      .sort();
  };
  return { ...s, run, idsOf };
};

it("lists jobs by every filter of GET /jobs", { timeout: TIME_OUT_MS }, async () => {
  const { db, queue, idsOf, run } = await setup();
  const enqueue = async (job: Parameters<typeof queue.enqueue>[1]) => (await queue.enqueue(1, job))[0]!;
  const payload = { email: "a@example.com", n: 42 };
  const mail = await enqueue({ type: "send_email", payload, uniqueKey: "k" });
  const tagged = await enqueue({ type: "send_email", metadata: { tenant: { id: "x=y" } } });
  const page = await enqueue({ type: "crawl_page" });
  await db.query("select forgeq.cancel($1)", [tagged]);

  expect(await idsOf("--state", "pending,cancelled", "--type", "send_email")).toEqual([mail, tagged].sort());
  expect(await idsOf("--state", "pending", "--state", "dead", "--type", "send_email")).toEqual([mail]);
  expect(await idsOf("--queue", "emails,crawl")).toHaveLength(3);
  expect(await idsOf("--id", `${mail},${page}`)).toEqual([mail, page].sort());
  expect(await idsOf("--unique-key", "k")).toEqual([mail]);
  expect(await idsOf("--payload", "n=42", "--payload", "email=a@example.com")).toEqual([mail]);
  expect(await idsOf("--metadata", "/tenant/id=x=y")).toEqual([tagged]);
  expect(await idsOf("--created-after", "2000-01-01T00:00:00Z")).toHaveLength(3);
  expect(await idsOf("--created-before", "2000-01-01T00:00:00Z")).toEqual([]);
  const none = await run("jobs", "list", "--error", "ECONNREFUSED");
  expect(none).toMatchObject({ code: 0, stdout: "", stderr: "No job meets the filter.\n" });
});

it("refuses a wrong filter with exit code 2 and one sentence", { timeout: TIME_OUT_MS }, async () => {
  const ids = Array.from({ length: 101 }, (_, n) => `019ab3c4-5d6e-7f80-9a1b-${String(n).padStart(12, "0")}`).join();
  const wrong: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [["--state", "dead,gone"], /--state.*Allowed choices are/],
    [["--type", "a,,b"], /--type.*Give a name/],
    [["--id", "1"], /--id.*UUID/],
    [["--id", ids], /^forgeq: --id: .*100/],
    [["--unique-key", ""], /^forgeq: --unique-key: /],
    [["--created-after", "yesterday"], /--created-after.*Give an instant/],
    [["--payload", "customer"], /^forgeq: --payload: give PATH=VALUE/],
    [["--payload", "a..b=1"], /^forgeq: --payload a\.\.b: must name a value by keys/],
    [["--metadata", "a=1", "--metadata", "a=2"], /^forgeq: --metadata: a is given twice/],
    [[1, 2, 3, 4, 5, 6].flatMap((n) => ["--payload", `a${n}=1`]), /more than 5 conditions/],
  ];
  for (const [args, said] of wrong) {
    // No database is there, and none is asked.
    const ended = await forgeq(["jobs", "list", ...args], {
      env: { DATABASE_URL: "postgres://postgres@127.0.0.1:1/none" },
    });
    expect(ended, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(said);
  }
});

it("pauses with a reason and an end, and gives limits back to the code", { timeout: TIME_OUT_MS }, async () => {
  const { run } = await setup();
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const paused = await run("queues", "pause", "emails", "--reason", "server is down", "--until", until, "--json");
  expect(JSON.parse(paused.stdout)).toMatchObject({ paused: true, pause: { reason: "server is down", until } });
  expect((await run("queues", "list")).stdout).toContain("server is down");
  await run("queues", "set", "emails", "--retention-days", "1");
  const reset = await run("queues", "reset", "emails", "--json");
  const { retention_days, code, overridden } = JSON.parse(reset.stdout) as Record<string, unknown>;
  expect({ retention_days, overridden }).toEqual({
    retention_days: (code as { retention_days: number }).retention_days,
    overridden: [],
  });
  expect(await run("queues", "reset", "nothing")).toMatchObject({ code: 1, stdout: "" });
  for (const [option, value, said] of [
    ["--until", "2001-01-01T00:00:00Z", "the pause must end at an instant to come"],
    ["--until", "soon", "Give an instant"],
    ["--reason", "", "--reason: "],
    ["--reason", "a\u001b[2J", "--reason: must have no control characters"],
  ] as const) {
    const refused = await run("queues", "pause", "emails", option, value);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain(said);
  }
});

it("shows what happened in a window, and errors in groups", { timeout: TIME_OUT_MS }, async () => {
  const { run, queue } = await setup();
  await queue.enqueue();
  const stats = await run("stats", "--window", "1h", "--json");
  expect(JSON.parse(stats.stdout)).toMatchObject({ window: "1h", step_seconds: 60, totals: { enqueued: 1, dead: 0 } });
  const shown = await run("stats", "--window", "24h", "--queue", "crawl");
  expect(shown).toMatchObject({ code: 0, stderr: "Nothing has happened within 24h.\n" });
  expect(shown.stdout).toContain("all of 24h");
  expect(await run("errors")).toMatchObject({ code: 0, stdout: "", stderr: "No attempt has failed within 24h.\n" });

  await queue.settle(await queue.lease(), "retry", { error: { name: "Error", message: "refused" } });
  const errors = await run("errors", "--window", "1h", "--json");
  expect(JSON.parse(errors.stdout)).toMatchObject({ name: "Error", message: "refused", attempts: 1, jobs: 1 });
  expect((await run("errors", "--type", "plain")).stdout).toMatch(/FINGERPRINT[^]*fp_[0-9a-f]{16} +Error: refused/);

  for (const args of [
    ["stats", "--window", "2h"],
    ["stats", "--queue", "emails"],
    ["stats", "--window", "1h", "--once"],
    ["errors", "--window", "1"],
    ["errors", "--type", "No"],
  ])
    expect(await run(...args), args.join(" ")).toMatchObject({ code: 2, stdout: "" });
});
