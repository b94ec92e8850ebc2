import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { getJob } from "../../../lib/db/reads/job.ts";
import { makeProject, startForgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { miscounted, strays } from "../../support/queue.ts";

const TIME_OUT_MS = 90_000;
const LIB = new URL("../../../lib/", import.meta.url).href;

/** Jobs of `act` wait until one of them is the one that throws what nothing catches; others wait for the end of the poison, or for ever. */
const HANDLER = `
import { EventEmitter } from "node:events";
import { lambdaHandler } from "${LIB}job.ts";
import { tally } from "./job.ts";
let outside = false;
setInterval(() => { if (outside) throw new Error("thrown outside of any job"); }, 5).unref();
let poisoned;
const poison = new Promise((resolve) => (poisoned = resolve));
const ACTS = {
  timer: () => setTimeout(() => { throw new Error("thrown late"); }, 10),
  rejection: () => void Promise.reject(new Error("rejected, and not awaited")),
  emitter: () => setImmediate(() => new EventEmitter().emit("error", new Error("emitted"))),
  outside: () => { outside = true; },
};
export const handler = lambdaHandler(tally, async ({ act, last }, job) => {
  if (act === "brief") return poison.then(() => new Promise((resolve) => setTimeout(resolve, 50)));
  if (act === "endless") return new Promise((_, reject) => job.signal.addEventListener("abort", () => reject(job.signal.reason)));
  if (job.attempt > last) return "went well";
  ACTS[act]();
  poisoned();
  return new Promise(() => undefined);
});
`;

const setup = async () => {
  const { db, url } = await createTestDatabase();
  const { folder } = await makeProject(db);
  writeFileSync(join(folder, "functions/handlers/tally/handler.ts"), HANDLER);
  const enqueue = async (act: string, maxAttempts: number, last = 9): Promise<string> => {
    const id = uuidV7();
    await enqueueMany(db, [{ id, type: "tally", maxAttempts, payload: { act, last } }], true, null);
    return id;
  };
  const work = (grace: string, { level = "info" } = {}, ...more: string[]) =>
    startForgeq(["worker", "--grace", grace, ...more], {
      cwd: folder,
      env: { DATABASE_URL: url, FORGEQ_LOG_LEVEL: level },
    });
  const get = async (id: string) => (await getJob(db, id, null))!;
  return { db, folder, enqueue, work, get };
};

it.each(["timer", "rejection", "emitter"])(
  "an error that a handler leaves to nobody (%s) ends its attempt, counted, and the worker when the others have ended",
  async (act) => {
    const s = await setup();
    const others = [await s.enqueue("brief", 1), await s.enqueue("brief", 3)];
    const poison = await s.enqueue(act, 2);
    const ended = await s.work("20s").ended;
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toMatch(/an error that nothing caught ends this worker .*jobs=3/);
    for (const id of [poison, ...others]) expect(ended.stderr).toContain(id);
    for (const id of others) expect(await s.get(id)).toMatchObject({ state: "completed", attempt: 1 });
    const message = expect.stringMatching(/thrown late|rejected|emitted/) as string;
    expect(await s.get(poison)).toMatchObject({ state: "pending", attempt: 1, error: { name: "Error", message } });
    // It can't go on for ever.
    expect((await s.work("20s").ended).code).toBe(1);
    expect(await s.get(poison)).toMatchObject({ state: "dead", attempt: 2, error: { message } });
    expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
  },
  TIME_OUT_MS,
);

it(
  "releases uncounted what does not end within the grace, where the error was another job's",
  async () => {
    const s = await setup();
    const endless = await s.enqueue("endless", 1);
    const poison = await s.enqueue("timer", 1);
    expect((await s.work("0.1s").ended).code).toBe(1);
    expect(await s.get(poison)).toMatchObject({ state: "dead", error: { message: "thrown late" } });
    expect(await s.get(endless)).toMatchObject({ state: "pending", attempt: 0, attempts: [{ outcome: "released" }] });
  },
  TIME_OUT_MS,
);

it(
  "counts each job that does not end, where the error can be traced to none: it runs again, or is dead after its only attempt",
  async () => {
    const s = await setup();
    const [once, again, brief] = [
      await s.enqueue("endless", 1),
      await s.enqueue("outside", 3, 1),
      await s.enqueue("brief", 1),
    ];
    const ended = await s.work("1s").ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain("thrown outside of any job");
    expect(await s.get(brief)).toMatchObject({ state: "completed" });
    const error = { name: "WorkerCrashed" };
    expect(await s.get(once)).toMatchObject({
      state: "dead",
      attempt: 1,
      error,
      attempts: [{ outcome: "worker_crashed" }],
    });
    expect(await s.get(again)).toMatchObject({ state: "pending", attempt: 1, error });
    expect((await s.work("1s", {}, "--once").ended).code).toBe(0);
    expect(await s.get(again)).toMatchObject({ state: "completed", attempt: 2, result: "went well" });
    expect([await strays(s.db), await miscounted(s.db)]).toEqual([0, 0]);
  },
  TIME_OUT_MS,
);

it(
  "writes what FORGEQ_LOG_LEVEL says, and refuses what is no level",
  async () => {
    const s = await setup();
    await s.enqueue("rejection", 1, 0);
    const once = async (level: string) => s.work("1s", { level }, "--once", "--json").ended;
    expect((await once("info")).stderr).not.toContain("an attempt ended");
    await s.enqueue("rejection", 1, 0);
    expect((await once("debug")).stderr).toContain('"level":"DEBUG","message":"an attempt ended"');
    const refused = await once("loud");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain('FORGEQ_LOG_LEVEL takes debug, info, warn, error, not "loud"');
  },
  TIME_OUT_MS,
);
