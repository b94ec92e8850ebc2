import { expect, it } from "vitest";
import { expectHonest, setup } from "./world/scene.ts";

const ALLOWED = 6;
/** A fifth of what is allowed, two at least, stays free. */
const KEPT = 4;
const JOBS = 120;

it("completes 120 jobs with six connections allowed and nothing set by hand", async () => {
  const scene = await setup();
  // Twelve handlers at a time, if they could.
  await scene.limit(JOBS);
  await scene.admin.query(`alter role ${scene.role} connection limit ${ALLOWED}`);
  const ids = await scene.enqueue(JOBS);
  await scene.completed(JOBS, 90);
  await expectHonest(scene, ids);
  const sessions = async (): Promise<number> => {
    const [row] = await scene.admin.query<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where usename = $1",
      [scene.role],
    );
    return row!.n;
  };
  // What environments keep that nobody has invoked again.
  await expect.poll(sessions, { timeout: 20_000 }).toBeLessThanOrEqual(KEPT);
});
