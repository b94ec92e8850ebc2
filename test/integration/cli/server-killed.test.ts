/** `forgeq server` killed while it serves a request with an Idempotency-Key: whoever sends it again gets one job. */
import { expect, it } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { makeHandlersProject, startServer } from "../../support/cli/project.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { startProxy } from "../../support/database/proxy.ts";
import { until } from "../../support/worker/worker.ts";

const TIME_OUT_MS = 120_000;
const JOB = { type: "send_email", payload: { email: "test@example.com" } };
const KEY = { "idempotency-key": "order-42" };

const jobsIn = async (db: Db): Promise<readonly string[]> =>
  (await db.query<{ id: string }>("select id from forgeq.job")).map(({ id }) => id);

const start = async () => {
  const { db, url } = await createTestDatabase();
  const folder = await makeHandlersProject(db);
  const serve = (databaseUrl = url) => startServer(folder, { DATABASE_URL: databaseUrl });
  return { db, url, serve };
};

it(
  "between the commit and the answer: the job is there, and the answer is the first one, marked",
  async () => {
    const { db, url, serve } = await start();
    const proxy = await startProxy(Number(new URL(url).port));
    const first = await serve(proxy.through(url));
    // What the driver sends once for all is sent.
    expect((await first.post("/jobs", JOB, { "idempotency-key": "warm" })).status).toBe(201);
    const [warm] = await jobsIn(db);
    proxy.loseAnswers(/commit\0/, 1, async () => {
      first.child.kill("SIGKILL");
      await first.ended;
    });
    await expect(first.post("/jobs", JOB, KEY)).rejects.toThrow("fetch failed");
    const [id] = (await jobsIn(db)).filter((each) => each !== warm);
    expect(id).toBeDefined();

    const second = await serve();
    const answers = await Promise.all([1, 2].map(() => second.post("/jobs", JOB, KEY)));
    for (const answer of answers) {
      expect(answer.status).toBe(201);
      expect(answer.headers.get("idempotency-replayed")).toBe("true");
      expect(answer.headers.get("location")).toBe(`/jobs/${id}`);
      expect(await answer.json()).toMatchObject({ id, type: "send_email" });
    }
    expect(await jobsIn(db)).toHaveLength(2);
  },
  TIME_OUT_MS,
);

it(
  "in the middle of the transaction: nothing is there, and the next one does it",
  async () => {
    const { db, serve } = await start();
    const first = await serve();
    await db.transaction(async (tx) => {
      await tx.query("lock table forgeq.job in exclusive mode");
      const lost = first.post("/jobs", JOB, KEY).catch((error: unknown) => error);
      await until(async () => {
        const waiting = await db.query(
          "select from pg_locks where not granted and relation = 'forgeq.job'::regclass and database = (select oid from pg_database where datname = current_database())",
        );
        return waiting.length > 0;
      });
      first.child.kill("SIGKILL");
      await first.ended;
      expect(await lost).toBeInstanceOf(TypeError);
    });

    const second = await serve();
    const done = await second.post("/jobs", JOB, KEY);
    expect(done.status).toBe(201);
    expect(done.headers.get("idempotency-replayed")).toBeNull();
    const again = await second.post("/jobs", JOB, KEY);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await again.text()).toBe(await done.text());
    expect(await jobsIn(db)).toHaveLength(1);
  },
  TIME_OUT_MS,
);
