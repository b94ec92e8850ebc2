import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { type Db } from "../../../lib/db/drivers/client.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { notifyWorkers } from "../../../lib/db/protocol/listen.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { makeProject, ROOT, startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { until } from "../../support/worker/worker.ts";

const TIME_OUT_MS = 60_000;

const enqueue = async (db: Db, ms: number): Promise<string> => {
  const id = uuidV7();
  await enqueueMany(db, [{ id, type: "tally", payload: { ms } }], true, null);
  await notifyWorkers(db, { seconds: 0, queue: "tally" });
  return id;
};

const state = async (db: Db, id: string) => (await getJob(db, id, null))?.state;

const start = async (grace: string, settings: Parameters<typeof makeProject>[1] = {}, url?: string) => {
  const database = await createTestDatabase();
  const project = await makeProject(database.db, settings);
  const worker = startForgeq(["worker", "--grace", grace], {
    cwd: project.folder,
    env: { DATABASE_URL: url ?? `${(await logIn(database, ["worker"])).url}?application_name=worker` },
  });
  await worker.said(/Worker ready/);
  return { ...database, project, worker };
};

it(
  "finishes what runs after the first signal, takes nothing more, and exits 0",
  async () => {
    const { db, worker } = await start("30s");
    const running = await enqueue(db, 1_500);
    await until(async () => (await state(db, running)) === "running");
    worker.child.kill("SIGTERM");
    await worker.said(/finishing jobs jobs=1/);
    const later = await enqueue(db, 1);
    expect(await worker.ended).toMatchObject({ code: 0, stdout: "" });
    expect([await state(db, running), await state(db, later)]).toEqual(["completed", "pending"]);
  },
  TIME_OUT_MS,
);

it(
  "says which handler can't be loaded, and exits 2",
  async () => {
    const { db, url } = await createTestDatabase();
    const { folder } = await makeProject(db);
    writeFileSync(join(folder, "functions/handlers/tally/handler.ts"), 'import "./missing.ts";\n');
    const env = { DATABASE_URL: url, SMTP_URL: "" };
    const worker = startForgeq(["worker", "--metrics-port", "0"], { cwd: folder, env });
    expect(await worker.ended).toMatchObject({ code: 2, stderr: expect.stringContaining("missing.ts") as string });
  },
  TIME_OUT_MS,
);

it(
  "aborts and releases uncounted what the grace does not suffice for, and exits 0",
  async () => {
    const { db, worker } = await start("0.1s");
    const id = await enqueue(db, 60_000);
    await until(async () => (await state(db, id)) === "running");
    worker.child.kill("SIGINT");
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect(await getJob(db, id, null)).toMatchObject({
      state: "pending",
      attempt: 0,
      attempts: [{ outcome: "released" }],
    });
  },
  TIME_OUT_MS,
);

it(
  "ends immediately at the second signal",
  async () => {
    const { db, worker } = await start("10m");
    const id = await enqueue(db, 60_000);
    await until(async () => (await state(db, id)) === "running");
    worker.child.kill("SIGINT");
    await worker.said(/finishing jobs/);
    // What comes within a moment of the first is the same Ctrl-C; so it is sent until it is taken for another.
    let ended = false;
    void worker.ended.then(() => (ended = true));
    await until(() => {
      if (!ended) worker.child.kill("SIGINT");
      return ended;
    });
    expect(await worker.ended).toMatchObject({ code: 130 });
    expect(await state(db, id)).toBe("running");
  },
  TIME_OUT_MS,
);

it(
  "pauses while its database is away, goes on, and says that the outcome of a lease that was taken over is refused",
  async () => {
    const database = await createTestDatabase();
    const { url } = await logIn(database, ["worker"]);
    const proxy = await startProxy(Number(new URL(url).port));
    const project = await makeProject(database.db, { leaseSeconds: 600 });
    const worker = startForgeq(["worker"], { cwd: project.folder, env: { DATABASE_URL: proxy.through(url) } });
    await worker.said(/Worker ready/);
    const id = await enqueue(database.db, 5_000);
    await until(async () => (await state(database.db, id)) === "running");

    await proxy.away();
    await worker.said(/the database is away/);
    await database.db.query("update forgeq.lease set expires_at = clock_timestamp()");
    await database.db.query("select from forgeq.recover(10)");
    await proxy.back();
    await worker.said(/the database is back/);
    await worker.said(/an outcome was refused: the lease is lost.*code=lease_lost/);
    await until(async () => (await state(database.db, id)) === "completed");
    expect(await getJob(database.db, id, null)).toMatchObject({
      attempts: [{ outcome: "lease_expired" }, { outcome: "completed" }],
    });
  },
  TIME_OUT_MS,
);

/** Makes the launcher believe that its Node is too old, so that it runs the command in a process of its own. */
const OLDER =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.19.0"}})';

it(
  "shows its state when its launcher is sent SIGUSR2, and goes on",
  async () => {
    const { db, url } = await createTestDatabase();
    const { folder } = await makeProject(db);
    const launcher = spawn(process.execPath, ["--import", OLDER, join(ROOT, "bin", "forgeq.js"), "worker"], {
      cwd: folder,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], DATABASE_URL: url },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(launcher, "exit");
    onTestFinished(() => void launcher.kill("SIGKILL"));
    let stderr = "";
    launcher.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await until(() => stderr.includes("Worker ready"));
    launcher.kill("SIGUSR2");
    await until(() => /^Worker state\n[^]*^Next: /m.test(stderr));
    launcher.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  },
  TIME_OUT_MS,
);

it(
  "holds one connection besides its listener while it is idle",
  async () => {
    const { db } = await start("1s");
    const connections = async () =>
      (
        await db.query(
          "select from pg_stat_activity where application_name = 'worker' and datname = current_database()",
        )
      ).length;
    // It listens, and what the start has opened besides is closed after half a minute.
    await until(async () => (await db.query("select from forgeq.worker_capacity")).length === 1);
    await until(async () => (await connections()) === 2);
  },
  TIME_OUT_MS,
);
