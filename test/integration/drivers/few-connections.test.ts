import { randomUUID } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { call } from "../../../lib/db/drivers/call.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { withinInvocation } from "../../../lib/db/drivers/invocation-limit.ts";
import { hasPooler, startPooler } from "../../support/database/pooler.ts";
import { setup } from "../../support/queue.ts";
import { startRelay } from "../../lambda/world/network.ts";

/** Of an environment on Lambda. */
const FROZEN = { max: 1, atRest: 1, idleSessionSeconds: 90 };

const open = async (options: Parameters<typeof connectDb>[0]): Promise<Db> => {
  const db = await connectDb(options);
  onTestFinished(() => db.close());
  return db;
};

const pidOf = async (db: Db): Promise<number> =>
  (await call<{ pid: number }>(db, "select pg_backend_pid() as pid", []))[0]!.pid;

/** One invocation, and what it has seen. */
const invoke = <Result>(work: () => Promise<Result>): Promise<Result> => withinInvocation(() => 60_000, work);

/** A role that may have so many connections, and who has one of them. */
const limited = async (connections: number) => {
  const s = await setup();
  const role = `few_${randomUUID().slice(0, 8)}`;
  await s.db.query(`create role ${role} login password 'few' connection limit ${connections}`);
  onTestFinished(() => s.db.query(`drop role ${role}`).then(() => undefined));
  const url = new URL(s.url);
  [url.username, url.password] = [role, "few"];
  const sessions = async (): Promise<number> => {
    const [row] = await s.db.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where usename = '${role}'`,
    );
    return row!.n;
  };
  return { s, role, url: url.href, sessions };
};

it("environments that have answered keep four of six connections, and each finds one when it is invoked again", async () => {
  const { url, sessions } = await limited(6);
  const environments = await Promise.all(Array.from({ length: 20 }, () => open({ url, ...FROZEN })));
  for (let round = 0; round < 2; round += 1) {
    for (const each of environments) await invoke(() => pidOf(each));
    await expect.poll(sessions).toBe(4);
  }
  // All of them at a time: who finds none waits for one.
  const pids = await Promise.all(environments.map((each) => invoke(() => pidOf(each))));
  expect(pids.length).toBe(20);
  await expect.poll(sessions).toBeLessThanOrEqual(4);
});

it("keeps its connection where many are left, and asks once for each", async () => {
  const { s, url, role, sessions } = await limited(100);
  const db = await open({ url, ...FROZEN });
  const pid = await invoke(() => pidOf(db));
  expect(await invoke(() => pidOf(db))).toBe(pid);
  expect(await sessions()).toBe(1);
  await s.db.query(`alter role ${role} connection limit 2`);
  // It has been told that there is room, and has asked no more.
  expect(await invoke(() => pidOf(db))).toBe(pid);
  await s.db.query("select pg_terminate_backend($1)", [pid]);
  await expect.poll(sessions).toBe(0);
  expect(await invoke(() => pidOf(db))).not.toBe(pid);
  await expect.poll(sessions).toBe(0);
});

it("lets go of what it does not use, also within an invocation, while few are left", async () => {
  const { url, sessions } = await limited(2);
  const db = await open({ url, ...FROZEN });
  await invoke(async () => {
    await pidOf(db);
    await expect.poll(sessions).toBe(0);
    await pidOf(db);
  });
});

it.runIf(hasPooler)("keeps its connection to a pooler, however few the pooler has", async () => {
  const s = await setup();
  await s.db.query(`alter database ${new URL(s.url).pathname.slice(1)} connection limit 1`);
  const pooled = new URL(await startPooler(s.url, 1));
  const relay = await startRelay(Number(pooled.port));
  onTestFinished(relay.close);
  pooled.port = String(relay.port);
  const db = await open({ url: pooled.href, ...FROZEN });
  await invoke(() => pidOf(db));
  const opened = relay.opened();
  await invoke(() => pidOf(db));
  expect(relay.opened()).toBe(opened);
});
