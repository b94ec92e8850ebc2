import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { connectDb } from "../../lib/db/drivers/connect.ts";
import { startLocal, temporaryFolder } from "../support/cli/start-local.ts";

vi.setConfig({ testTimeout: 120_000 });

const folder = temporaryFolder();
afterAll(folder.remove);

/** With the embedded Postgres of its folder. */
const start = () => startLocal({ folder: folder.path, env: {} });

/** The marks of dispatchers that were killed at work and while they waited; good for an hour, so that no tick makes up for them. */
const leaveMarks = async (url: string): Promise<void> => {
  const db = await connectDb({ url });
  await db.query(
    `update forgeq.wake set active_until = now() + interval '1 hour', active_by = gen_random_uuid(),
                            waiting_for = now() + interval '1 hour', waiting_by = gen_random_uuid()`,
  );
  await db.close();
};

/** Who is connected to the run's database, but for its owner. */
const connected = async (url: string): Promise<string[]> => {
  const db = await connectDb({ url, max: 1 });
  const rows = await db.query<{ name: string }>(
    "select distinct usename::text as name from pg_stat_activity where datname = current_database() and usename <> current_user order by 1",
  );
  await db.close();
  return rows.map(({ name }) => name);
};

it("finds the jobs of before after a restart, and runs those that waited", async () => {
  const first = await start();
  const done = await first.api.enqueue("send_email", { email: "first@example.com" });
  await first.api.inState(done, "completed");
  await first.api.post("/queues/emails/pause");
  // Each part as the role that is enough for it.
  expect(await connected(first.databaseUrl)).toEqual([
    "forgeq_local_api",
    "forgeq_local_enqueue",
    "forgeq_local_worker",
  ]);
  const waiting = await first.api.enqueue("send_email", { email: "second@example.com" });

  const port = Number(new URL(first.url).port);
  await expect(startLocal({ folder: folder.path, env: {}, port })).rejects.toThrow(`port ${port} is in use`);
  await leaveMarks(first.databaseUrl);
  await first.stop();
  expect(existsSync(join(folder.path, "pg", "postmaster.pid"))).toBe(false);

  const second = await start();
  try {
    expect(second.apiKey).toBe(first.apiKey);
    expect((await second.api.get(`/jobs/${done}`)).body).toMatchObject({ state: "completed", attempt: 1 });
    expect(await second.api.post("/queues/emails/resume")).toMatchObject({ status: 200, body: { paused: false } });
    expect(await second.api.inState(waiting, "completed")).toMatchObject({ attempt: 1 });
  } finally {
    await second.stop();
  }
});
