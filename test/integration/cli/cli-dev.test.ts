import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { forgeq, makeProject, startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { until } from "../../support/worker/worker.ts";

it(
  "runs server and worker, starts them again with what changed in their files, and ends both",
  { timeout: 120_000 },
  async () => {
    const made = await makeProject(null);
    // What its name has means something else in a URL.
    const folder = join(made.folder, "c# 50%20off");
    mkdirSync(folder);
    for (const name of readdirSync(made.folder))
      if (!["c# 50%20off", "runs"].includes(name)) renameSync(join(made.folder, name), join(folder, name));
    const dev = startForgeq(["dev", "--port", "0"], { cwd: folder });
    const times = (text: RegExp) => dev.stderr().match(text)?.length ?? 0;
    const ready = (servers: number, workers: number) =>
      until(() => times(/Server ready/g) === servers && times(/Worker ready/g) === workers);
    const run = async (): Promise<unknown> => {
      const { code, stdout } = await forgeq(["enqueue", "--type", "tally", "--wait", "--json"], { cwd: folder });
      expect(code).toBe(0);
      return JSON.parse(stdout);
    };
    const edit = (file: string, from: string, to: string) => {
      const path = join(folder, "functions", "handlers", "tally", file);
      const source = readFileSync(path, "utf8");
      expect(source).toContain(from);
      writeFileSync(path, source.replace(from, to));
    };

    await ready(1, 1);
    expect(await run()).toMatchObject({ state: "completed", result: null, max_attempts: 20 });
    edit("handler.ts", 'note("ended", job.id);', 'note("ended", job.id); return { version: 2 };');
    await ready(1, 2);
    expect(await run()).toMatchObject({ state: "completed", result: { version: 2 } });
    edit("job.ts", "maxAttempts: 20", "maxAttempts: 7");
    await ready(2, 3);
    expect(await run()).toMatchObject({ state: "completed", max_attempts: 7 });

    dev.child.kill("SIGTERM");
    expect(await dev.ended).toMatchObject({ code: 0, stdout: "" });
    // The last of its processes has stopped the embedded Postgres.
    expect(existsSync(join(folder, ".forgeq", "pg", "PG_VERSION"))).toBe(true);
    expect(existsSync(join(folder, ".forgeq", "pg", "postmaster.pid"))).toBe(false);
  },
);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const)(
  "leaves no server and no worker behind when it ends by %s, although nobody reads what they say then",
  { timeout: 120_000 },
  async (signal) => {
    const { db, url } = await createTestDatabase();
    const { folder } = await makeProject(db);
    const dev = startForgeq(["dev", "--port", "0"], {
      cwd: folder,
      env: { DATABASE_URL: url, FORGEQ_API_KEY: "k".repeat(20) },
    });
    await until(() => /Server ready/.test(dev.stderr()) && /Worker ready/.test(dev.stderr()));
    const children = execFileSync("pgrep", ["-P", String(dev.child.pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number);
    expect(children).toHaveLength(2);
    dev.child.kill(signal);
    await until(() => !children.some(isAlive));
    expect(await dev.ended).toMatchObject(signal === "SIGKILL" ? { signal } : { code: 0 });
  },
);
