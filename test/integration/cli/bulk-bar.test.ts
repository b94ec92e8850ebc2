import { spawn, spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { ROOT } from "../../support/cli/cli.ts";
import { plain, setup, unlimited } from "../../support/queue.ts";

const JOBS = 600;

/** `script` of util-linux gives a command a terminal. */
const hasScript = spawnSync("script", ["--version"]).status === 0;

it.runIf(hasScript)("shows a bar on a terminal, and stops at one Ctrl-C there", { timeout: 90_000 }, async () => {
  const { db, url, queue } = await setup({ realClock: true, jobs: [plain], queues: [unlimited] });
  await queue.enqueue(JOBS);
  const line = `exec ${process.execPath} lib/cli/forgeq.ts jobs bulk cancel --type plain --slice 2`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", DATABASE_URL: url },
  });
  let shown = "";
  let pressed = false;
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    if (pressed || !/cancel +█.*[1-9]%/.test(shown)) return;
    pressed = true;
    child.stdin.write("\u0003");
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  const [row] = await db.query<{ n: number }>("select count(*)::int as n from forgeq.job");
  expect(code, shown).toBe(1);
  expect(shown).toContain("Stopped between two slices.");
  expect(shown).toContain(`${JOBS - row!.n} cancelled or asked to end, 0 skipped`);
  expect(row!.n).toBeGreaterThan(0);
});
