import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { expect, it, onTestFinished, vi } from "vitest";
import { credentials, findBinaries, standIn } from "../../../lib/local/postgres-binaries.ts";
import { readPostmaster, startPostgres } from "../../../lib/local/postgres.ts";
import { privateFolder } from "../../../lib/local/private-files.ts";
import { temporaryFolder } from "../../support/cli/cli.ts";
import { asStranger, canBeStranger, STRANGER } from "../../support/cli/strangers.ts";

const TIME_OUT_MS = 90_000;
const onlyRoot = it.skipIf(!canBeStranger);

/** A process that uses the folder's Postgres until it is killed, with these variables. */
const startUser = async (folder: string, env: Readonly<Record<string, string>> = {}) => {
  const module = new URL("../../../lib/local/shared-postgres.ts", import.meta.url).href;
  const code = `const { sharePostgres } = await import(${JSON.stringify(module)});
    const postgres = await sharePostgres(${JSON.stringify(folder)}, { onNotice: (text) => console.log("notice", text) });
    console.log("url", postgres.url);
    process.stdin.once("data", async () => { await postgres.leave(); process.exit(0); });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let output = "";
  await new Promise<void>((resolve) =>
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (/^url /m.test(output)) resolve();
    }),
  );
  const leave = async () => {
    child.stdin.write("leave\n");
    await gone;
  };
  onTestFinished(leave);
  return {
    url: /^url (.*)$/m.exec(output)![1]!,
    notices: output.split("\n").filter((line) => line.startsWith("notice ")),
    leave,
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
};

const query = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
};

const withPassword = (url: string, password: string): string => Object.assign(new URL(url), { password }).href;

const modeOf = (path: string): number => statSync(path).mode & 0o777;

/** The data folder as versions before left it: without a password, readable by all. */
const loosen = (folder: string): void => {
  rmSync(join(folder, "postgres.password"));
  writeFileSync(join(folder, "pg", "pg_hba.conf"), "local all all trust\nhost all all 127.0.0.1/32 trust\n");
  mkdirSync(join(folder, "mail"));
  writeFileSync(join(folder, "mail", "one.eml"), "reset token");
  for (const file of ["postgres.log", "postgres.users", "mail/one.eml"]) chmodSync(join(folder, file), 0o644);
  for (const open of [".", "mail"]) chmodSync(join(folder, open), 0o755);
};

it(
  "lets in who has the password, which all its processes find, and nobody else",
  { timeout: TIME_OUT_MS },
  async () => {
    const folder = join(temporaryFolder(), ".forgeq");
    const [first, second] = await Promise.all([startUser(folder), startUser(folder)]);
    const password = readFileSync(join(folder, "postgres.password"), "utf8").trim();
    expect(password).toMatch(/^[\w-]{32}$/);
    expect(first.url).toBe(second.url);
    expect(await query(first.url, "select 1 as one")).toEqual([{ one: 1 }]);
    for (const wrong of [
      withPassword(first.url, ""),
      withPassword(first.url, "wrong"),
      first.url.replace("//postgres:", "//nobody:"),
    ])
      await expect(query(wrong, "select")).rejects.toThrow(/password/);
    expect(await query(first.url, "select distinct auth_method from pg_hba_file_rules")).toEqual([
      { auth_method: "scram-sha-256" },
    ]);
    for (const file of ["postgres.password", "postgres.log", "postgres.users"])
      expect([file, modeOf(join(folder, file))]).toEqual([file, 0o600]);
    expect(modeOf(folder) & 0o007).toBe(0);
  },
);

onlyRoot("gives another user of the machine nothing to read", { timeout: TIME_OUT_MS }, async () => {
  const folder = join(temporaryFolder(), ".forgeq");
  await startUser(folder);
  for (const name of ["postgres.users", "postgres.password", "postgres.log", "pg/postmaster.pid"]) {
    expect(existsSync(join(folder, name)), name).toBe(true);
    expect(asStranger(`cat ${folder}/${name}`)).toMatchObject({ stdout: "", status: 1 });
  }
  expect(asStranger(`ls ${folder}`).stdout).toBe("");
});

it("closes data that was open to all, keeps what is in it, and says so", { timeout: TIME_OUT_MS }, async () => {
  const folder = join(temporaryFolder(), ".forgeq");
  const old = await startUser(folder);
  await query(old.url, "create table kept as select 42 as answer");
  await old.leave();
  loosen(folder);

  const { url, notices, leave } = await startUser(folder);
  expect(notices).toEqual([expect.stringMatching(/is kept, and has a new password: .*postgres\.password/)]);
  await expect(query(withPassword(url, ""), "select")).rejects.toThrow(/password/);
  expect(await query(url, "select answer from kept")).toEqual([{ answer: 42 }]);
  expect(readdirSync(folder).filter((name) => name.startsWith("pg"))).toEqual(["pg"]);
  for (const name of ["postgres.log", "mail/one.eml"])
    expect([name, modeOf(join(folder, name))]).toEqual([name, 0o600]);
  expect(modeOf(join(folder, "mail")) & 0o007).toBe(0);
  await leave();
  expect((await startUser(folder)).notices).toEqual([]);
});

it("closes the server of a killed process that is open to all", { timeout: TIME_OUT_MS }, async () => {
  const folder = join(temporaryFolder(), ".forgeq");
  const old = await startUser(folder);
  await query(old.url, "create table kept as select 42 as answer");
  await old.kill();
  loosen(folder);
  await query(old.url, "select pg_reload_conf()");
  await expect.poll(() => query(withPassword(old.url, ""), "select 1 as one").catch(() => null)).toEqual([{ one: 1 }]);

  const { url } = await startUser(folder);
  await expect(query(withPassword(url, ""), "select")).rejects.toThrow(/password/);
  expect(await query(url, "select answer from kept")).toEqual([{ answer: 42 }]);
  await expect(query(withPassword(old.url, ""), "select")).rejects.toThrow();
});

it("tells initdb and postgres nothing of the environment's secrets", { timeout: TIME_OUT_MS }, async () => {
  const bin = temporaryFolder();
  const real = findBinaries();
  for (const name of ["initdb", "postgres"] as const) {
    writeFileSync(join(bin, name), `#!/bin/sh\nenv >> "${bin}/seen"\nexec "${real[name]}" "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  writeFileSync(join(bin, "seen"), "");
  chmodSync(join(bin, "seen"), 0o666);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "the-developers-secret");
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = await startPostgres({ dataDir: join(temporaryFolder(), "pg"), durable: false, binFolder: bin });
  await server.stop();
  const seen = readFileSync(join(bin, "seen"), "utf8");
  expect(seen.match(/^PATH=/gm)).toHaveLength(3);
  expect(seen).not.toContain("the-developers-secret");
  expect(readPostmaster(server.dataDir)).toBe(null);
});

onlyRoot(
  "refuses a planted name in the temporary folder, and leaves what a link leads to alone",
  { timeout: TIME_OUT_MS },
  async () => {
    const shared = temporaryFolder();
    chmodSync(shared, 0o1777);
    const hidden = temporaryFolder();
    chmodSync(hidden, 0o700);
    const dataDir = join(hidden, "pg");
    vi.stubEnv("TMPDIR", shared);
    onTestFinished(() => void vi.unstubAllEnvs());
    const place = standIn(dataDir, "data");
    const target = join(hidden, "target");
    mkdirSync(target);
    const start = () => startPostgres({ dataDir, durable: false });

    symlinkSync(target, place);
    await expect(start()).rejects.toThrow(/another user may have planted it/);
    expect(statSync(target)).toMatchObject({ uid: 0 });
    rmSync(place);
    mkdirSync(place);
    chownSync(place, STRANGER, STRANGER);
    await expect(start()).rejects.toThrow(/another user may have planted it/);
    expect(statSync(place)).toMatchObject({ uid: STRANGER });
    rmSync(place, { recursive: true });
    const server = await start();
    expect(server.dataDir).toBe(place);
    expect(await query(server.url(), "select 1 as one")).toEqual([{ one: 1 }]);
    await server.stop();
    expect(statSync(place)).toMatchObject(credentials());
    // The next start finds its own data there.
    await (await start()).stop();

    const programs = standIn("/some/native", "postgres");
    mkdirSync(programs);
    chownSync(programs, STRANGER, STRANGER);
    expect(() => standIn("/some/native", "postgres", [0])).toThrow(/planted/);
    chmodSync(shared, 0o777);
    expect(() => standIn("/another", "data")).toThrow(/every user may rename/);
  },
);

it("takes no folder that is shared with others, or another user's, for its own", () => {
  const shared = temporaryFolder();
  chmodSync(shared, 0o1777);
  expect(() => privateFolder(shared)).toThrow(/not a folder of this user alone/);
  expect(modeOf(shared)).toBe(0o777);
  if (!canBeStranger) return;
  const planted = join(shared, ".forgeq");
  mkdirSync(planted);
  chownSync(planted, STRANGER, STRANGER);
  expect(() => privateFolder(planted)).toThrow(/its owner is 33/);
});

it("starts in a folder whose path is longer than that of a socket may be", { timeout: TIME_OUT_MS }, async () => {
  const deep = join(temporaryFolder(), "d".repeat(60), "e".repeat(60));
  mkdirSync(deep, { recursive: true });
  const server = await startPostgres({ dataDir: join(deep, "pg"), durable: false });
  onTestFinished(() => server.stop());
  expect(server.dataDir.length).toBeGreaterThan(107);
  const client = new pg.Client(server.url());
  await client.connect();
  onTestFinished(() => client.end());
  expect((await client.query("show unix_socket_directories")).rows).toEqual([{ unix_socket_directories: "" }]);
});
