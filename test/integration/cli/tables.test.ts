import { spawn, spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { forgeq, ROOT } from "../../support/cli/cli.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

/** `script` of util-linux gives a command a terminal. */
const hasScript = spawnSync("script", ["--version"]).status === 0;

const ERROR = "connect ECONNREFUSED 127.0.0.1:5432, after three attempts of the client in this very long message";

/** The lines of a command on a terminal of so many columns: what it prints and what it says. */
const onTerminal = async (columns: number, args: string, url: string): Promise<string[]> => {
  const line = `stty cols ${columns}; exec ${process.execPath} lib/cli/forgeq.ts ${args}`;
  const env = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", DATABASE_URL: url, NO_COLOR: "1" };
  const child = spawn("script", ["-qec", line, "/dev/null"], { cwd: ROOT, env });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (shown += chunk));
  expect(await new Promise((resolve) => child.once("close", resolve)), shown).toBe(0);
  return shown.trim().split(/\r?\n/);
};

it.runIf(hasScript)("fit the terminal, and are whole without one or with --wide", { timeout: 120_000 }, async () => {
  const { url, queue } = await setup({ realClock: true, jobs: [plain], queues: [unlimited] });
  const [id = ""] = await queue.enqueue(1);
  await queue.settle(await queue.lease(), "dead", { error: { name: "Error", message: ERROR } });

  const { stdout } = await forgeq(["jobs", "list"], { env: { DATABASE_URL: url } });
  const whole = stdout.trim().split("\n");
  expect(whole[0]).toMatch(/^ID +TYPE +QUEUE +STATE +ATTEMPT +RUN AT +ERROR$/);
  expect(whole[1]).toMatch(new RegExp(`^${id} .*${ERROR}$`));
  expect(await onTerminal(80, "jobs list --wide", url)).toEqual(whole);

  for (const columns of [60, 80, 120]) {
    const lines = await onTerminal(columns, "jobs list", url);
    const [head = "", row = "", ...said] = lines;
    expect(Math.max(head.length, row.length), lines.join("\n")).toBeLessThanOrEqual(columns);
    expect(row).toMatch(new RegExp(`^${columns < 120 ? id.slice(0, 18) : id}.*…$`));
    const left = { 60: "QUEUE, ATTEMPT, RUN AT", 80: "QUEUE", 120: "" }[columns];
    const note = `Left out in so narrow a terminal: ${left}. --wide shows all columns.`;
    expect(said).toEqual(left === "" ? [] : [note]);
  }
});
