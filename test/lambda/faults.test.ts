import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, it } from "vitest";
import { temporaryFolder } from "../support/cli/start-local.ts";
import { expectHonest, keysOf, LONG, type Scene, type SceneOptions, setup } from "./world/scene.ts";

const JOBS = 200;
const LEASES = 10;
const KILLED = 3;
const SECONDS = LONG ? { ssm: 60, silence: 30, unloadable: 600 } : { ssm: 7, silence: 7, unloadable: 10 };

/** A world in which at least ten leases run, of 200 jobs, and wait for the mail server. */
const underLoad = async (options: SceneOptions = {}) => {
  const scene = await setup(options);
  await scene.limit(LEASES * 10);
  scene.mail.hold();
  const ids = await scene.enqueue(JOBS);
  await scene.leasesRun(LEASES);
  return { scene, ids };
};

const folders: ReturnType<typeof temporaryFolder>[] = [];
afterAll(() => folders.forEach(({ remove }) => remove()));
const newFolder = (): string => {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder.path;
};

/** Another deploy of the same functions; `change` gets its folder. */
const anotherCode = (change: (folder: string) => void = () => undefined): string => {
  const folder = newFolder();
  cpSync(inject("prepared").code, folder, { recursive: true });
  change(folder);
  return folder;
};

/**
 * Waits for the rest of the jobs.
 *
 * @param said - what the log says of the fault
 */
const ends = async (scene: Scene, ids: readonly string[], said: readonly RegExp[]) => {
  await scene.completed(ids.length, 180);
  const warnings = scene.warnings().join("\n");
  for (const text of said) expect(warnings).toMatch(text);
  return expectHonest(scene, ids);
};

it("goes on when the database's password is changed", async () => {
  const { scene, ids } = await underLoad();
  await scene.admin.query(`alter role ${scene.role} password 'second'`);
  scene.account.parameters.set(scene.parameter("database-url"), scene.urlOf("second"));
  await scene.admin.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [scene.role]);
  scene.mail.letGo();
  expect((await scene.request("GET", "/jobs")).status).toBe(200);
  await ends(scene, ids, [/refused the login: the secret is read anew/]);
});

it("refuses a key that was taken away, and ends what it has stored", async () => {
  const clock = join(newFolder(), "clock");
  writeFileSync(clock, "0");
  const preload = new URL("./world/shifted-clock.ts", import.meta.url).href;
  const { scene, ids } = await underLoad({ variables: { WORLD_CLOCK: clock, NODE_OPTIONS: `--import=${preload}` } });
  expect((await scene.request("GET", "/jobs")).status).toBe(200);
  scene.account.parameters.set(scene.parameter("api-keys"), keysOf("another-secret-of-the-world"));
  writeFileSync(clock, "301");
  expect((await scene.request("GET", "/jobs")).status).toBe(401);
  expect((await scene.request("GET", "/jobs", undefined, "another-secret-of-the-world")).status).toBe(200);
  scene.mail.letGo();
  await ends(scene, ids, [/api: request refused The API key is not known/]);
});

it("goes on when SSM has had too much to do", async () => {
  const { scene, ids } = await underLoad();
  scene.account.ssmThrottles = () => true;
  scene.deploy(anotherCode());
  scene.mail.letGo();
  const { status } = await scene.request("POST", "/jobs", { type: "send_email", payload: { email: "a@example.com" } });
  expect(status).toBe(503);
  await sleep(SECONDS.ssm * 1000);
  scene.account.ssmThrottles = () => false;
  await ends(scene, ids, [/ThrottlingException: Rate exceeded/]);
});

it("goes on when the network was silent", async () => {
  const { scene, ids } = await underLoad();
  scene.relay.silence();
  scene.network.silence();
  scene.mail.letGo();
  await sleep(SECONDS.silence * 1000);
  scene.relay.restore();
  scene.network.restore();
  await ends(scene, ids, [/a statement took (too long|longer than)/]);
});

it("goes on when the handler could not be loaded", async () => {
  const { scene, ids } = await underLoad();
  const key = "handler-send_email";
  const broken = anotherCode((folder) =>
    writeFileSync(join(folder, key, ".build", key, "index.mjs"), 'throw new Error("a broken deploy");'),
  );
  scene.deploy(broken);
  scene.mail.letGo();
  await sleep(SECONDS.unloadable * 1000);
  scene.deploy(inject("prepared").code);
  await ends(scene, ids, [/an invocation failed/]);
});

it("goes on when a deploy is rolled back", async () => {
  const { scene, ids } = await underLoad();
  scene.deploy(anotherCode());
  const more = await scene.enqueue(20);
  scene.mail.letGo();
  scene.deploy(inject("prepared").code);
  more.push(...(await scene.enqueue(20)));
  await ends(scene, [...ids, ...more], []);
});

it("runs the jobs of killed environments again, and those alone", async () => {
  const { scene, ids } = await underLoad();
  const running = scene.environments("handler-send_email").filter((each) => !each.isFree());
  for (const each of running.slice(0, KILLED)) each.kill();
  scene.mail.letGo();
  const { again, interrupted } = await ends(scene, ids, [/an invocation failed/]);
  expect(interrupted).toBeGreaterThanOrEqual(KILLED * 10);
  expect(again).toBeLessThanOrEqual(interrupted);
});
