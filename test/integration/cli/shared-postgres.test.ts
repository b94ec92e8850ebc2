import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { expect, it } from "vitest";
import { forgeq, makeProject, startForgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { withFileLock } from "../../../lib/local/file-lock.ts";
import { readPostmaster } from "../../../lib/local/postgres.ts";
import { isRunning } from "../../../lib/local/process-identity.ts";
import { until } from "../../support/worker/worker.ts";

const TIME_OUT_MS = 90_000;

/** A process that uses the folder's Postgres until a line comes to its standard input. */
const startUser = async (folder: string) => {
  const module = new URL("../../../lib/local/shared-postgres.ts", import.meta.url).href;
  const code = `const { sharePostgres } = await import(${JSON.stringify(module)});
    const postgres = await sharePostgres(${JSON.stringify(folder)});
    console.log(postgres.url);
    process.stdin.once("data", async () => { await postgres.leave(); process.exit(0); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve) =>
    child.stdout.setEncoding("utf8").once("data", (text: string) => resolve(text.trim())),
  );
  return {
    url,
    leave: async () => {
      child.stdin.write("leave\n");
      await gone;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
};

const answers = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
};

it(
  "is started by the first of several concurrent ones, survives a kill -9 of each, and is stopped by the last one out",
  async () => {
    const folder = temporaryFolder();
    const [first, second, third] = await Promise.all([startUser(folder), startUser(folder), startUser(folder)]);
    expect(new Set([first.url, second.url, third.url]).size).toBe(1);

    await first.kill();
    expect(await answers(second.url)).toBe(true);
    await second.leave();
    expect(await answers(third.url)).toBe(true);
    await third.leave();
    expect(await answers(third.url)).toBe(false);
  },
  TIME_OUT_MS,
);

it(
  "goes on after all its users were killed, and is stopped by the next one that leaves",
  async () => {
    const folder = temporaryFolder();
    const killed = await startUser(folder);
    await killed.kill();
    expect(await answers(killed.url)).toBe(true);
    const next = await startUser(folder);
    expect(next.url).toBe(killed.url);
    await next.leave();
    expect(await answers(next.url)).toBe(false);
    expect((JSON.parse(readFileSync(join(folder, "postgres.users"), "utf8")) as { users: unknown[] }).users).toEqual(
      [],
    );
  },
  TIME_OUT_MS,
);

it(
  "is started again by a worker whose server was killed, which goes on",
  async () => {
    const { folder } = await makeProject(null);
    const worker = startForgeq(["worker"], { cwd: folder });
    await worker.said(/Worker ready/);
    const server = () => readPostmaster(join(folder, ".forgeq", "pg"))?.[0];
    const killed = server();
    process.kill(Number(killed), "SIGKILL");
    await until(() => ![undefined, "", killed].includes(server()));
    const { code } = await forgeq(["enqueue", "--type", "tally", "--wait"], { cwd: folder });
    expect(code).toBe(0);
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
  },
  TIME_OUT_MS,
);

it(
  "sets data aside that an unreleased version made, and says so; while others use that data it is refused",
  async () => {
    const { folder } = await makeProject(null);
    const files = () => readdirSync(join(folder, ".forgeq")).filter((name) => name.startsWith("pg"));
    const enqueue = () => forgeq(["enqueue", "--type", "tally"], { cwd: folder });
    expect(await enqueue()).toMatchObject({ code: 0 });
    const user = await startUser(join(folder, ".forgeq"));
    const client = new pg.Client({ connectionString: user.url });
    await client.connect();
    await client.query("update forgeq.migration set name = '0001_schema.sql' where name = '0001_tables.sql'");
    await client.end();

    const refused = await enqueue();
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("drop schema forgeq cascade") as string });
    expect(files()).toEqual(["pg"]);
    await user.leave();
    const { code, stderr } = await enqueue();
    expect(code).toBe(0);
    expect(stderr).toMatch(/made by an unreleased version of ForgeQ.*kept in .*\.forgeq\/pg-\d{8}T\d{6}/);
    expect(files()).toEqual(["pg", expect.stringMatching(/^pg-\d{8}T\d{6}$/)]);
    expect((await enqueue()).stderr).not.toContain("unreleased");
  },
  TIME_OUT_MS,
);

it("lets one process at a time hold a lock, and frees it when its holder is killed", async () => {
  const path = join(temporaryFolder(), "lock");
  let inside = 0;
  let most = 0;
  const visit = () =>
    withFileLock(path, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 10 }, visit));
  expect(most).toBe(1);

  const module = new URL("../../../lib/local/file-lock.ts", import.meta.url).href;
  const code = `const { withFileLock } = await import(${JSON.stringify(module)});
    await withFileLock(${JSON.stringify(path)}, () => { console.log("locked"); return new Promise((done) => setTimeout(done, 60_000)); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  let entered = false;
  const waiting = withFileLock(path, async () => void (entered = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(entered).toBe(false);
  child.kill("SIGKILL");
  await waiting;
  expect(entered).toBe(true);
});

it("tells a process from a later one with the same number", async () => {
  const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
  const began = readFileSync(`/proc/${child.pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ")[19]!;
  expect(isRunning({ pid: child.pid!, began })).toBe(true);
  expect(isRunning({ pid: child.pid!, began: "1" })).toBe(false);
  child.kill("SIGKILL");
  await until(() => !isRunning({ pid: child.pid!, began }));
});
