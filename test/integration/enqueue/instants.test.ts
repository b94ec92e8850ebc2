import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { ForgeqError } from "../../../lib/core/errors.ts";
import type { IdentifiedJob } from "../../../lib/core/new-job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { sqlState } from "../../../lib/db/drivers/failure.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../../../lib/queue/enqueue/typed-job.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const YEAR_MS = 365.25 * 86_400_000;
const yearsAhead = (years: number): Date => new Date(Date.now() + years * YEAR_MS);
const MESSAGE = "must be finite and at most ten years ahead";

/** Nothing stored, nothing counted. */
const nothing = async ({ db }: Awaited<ReturnType<typeof setup>>): Promise<void> => {
  expect(await db.query("select from forgeq.job")).toEqual([]);
  expect(await db.query("select from forgeq.metric_now")).toEqual([]);
};

const failure = async (work: Promise<unknown>): Promise<{ message: string; detail?: string } & Error> =>
  work.then(
    () => expect.unreachable("it was taken"),
    (error: unknown) => error as Error,
  );

describe("in SQL, a time without end is refused", () => {
  const RUN_AT = [
    "infinity",
    "-infinity",
    "294276-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z",
    yearsAhead(10.01).toISOString(),
  ];
  const DELAYS = ["Infinity", "-Infinity", "NaN", "1e300", "-1e300", "320000000"];

  it.each(RUN_AT)("by forgeq.enqueue: a run_at of %s", async (runAt) => {
    const s = await setup();
    const error = await failure(s.db.query("select forgeq.enqueue('plain', '{}', run_at => $1::timestamptz)", [runAt]));
    expect(sqlState(error)).toBe("FQ003");
    expect(error.message).toBe(`run_at ${MESSAGE}`);
    expect(JSON.parse(error.detail ?? "")).toEqual({ index: 0, errors: [{ pointer: "/run_at", message: MESSAGE }] });
    await nothing(s);
  });

  it.each(DELAYS)("by forgeq.enqueue: a delay of %s", async (delay) => {
    const s = await setup();
    const error = await failure(
      s.db.query("select forgeq.enqueue('plain', '{}', delay_seconds => $1::float8)", [delay]),
    );
    expect(sqlState(error)).toBe("FQ003");
    expect(error.message).toBe(`delay_seconds ${MESSAGE}`);
    await nothing(s);
  });

  it.each([
    ["enqueue_many, sent for the first time", "select forgeq.enqueue_many($1::jsonb, true)"],
    ["enqueue_many, sent again", "select forgeq.enqueue_many($1::jsonb, false)"],
    ["enqueue_and_claim", "select forgeq.enqueue_and_claim($1::jsonb, true)"],
  ])("by %s, which names the job", async (_, call) => {
    const s = await setup();
    const jobs = (more: object) =>
      JSON.stringify(
        [
          { type: "plain", payload: {} },
          { type: "plain", payload: {}, ...more },
        ].map((job) => ({ id: uuidV7(), ...job })),
      );
    for (const [field, values] of [
      ["run_at", RUN_AT],
      ["delay_seconds", DELAYS],
    ] as const)
      // prettier-ignore
      for (const value of values) {
        const error = await failure(s.db.query(call, [jobs({ [field]: value })]));
        expect([sqlState(error), JSON.parse(error.detail ?? "")], value).toMatchObject([
          "FQ003",
          { index: 1, errors: [{ pointer: `/${field}` }] },
        ]);
      }
    for (const more of [{ run_at: "5874897-01-01" }, { run_at: "soon" }, { run_at: {} }, { delay_seconds: "much" }]) {
      const error = await failure(s.db.query(call, [jobs(more)]));
      expect(sqlState(error)).toBe("FQ003");
      expect(error.message).toMatch(/^run_at, delay_seconds or start_before can't be read: /);
    }
    await nothing(s);
  });

  it("by enqueue_lines, whatever its counters and types are", async () => {
    const s = await setup();
    const call = "select forgeq.enqueue_lines($1::uuid[], $2, '{plain}', details => $3, fresh => true)";
    const store = (line: object) => s.db.query(call, [[uuidV7(), uuidV7()], "{}\n{}", `{}\n${JSON.stringify(line)}`]);
    for (const known of [false, true]) {
      if (known) {
        await store({});
        await s.db.query("delete from forgeq.job");
      }
      for (const line of [{ run_at: "infinity" }, { run_at: "-infinity" }, { delay_seconds: "NaN" }]) {
        const error = await failure(store(line));
        expect([sqlState(error), JSON.parse(error.detail ?? "")]).toMatchObject(["FQ003", { index: 1 }]);
      }
      expect(await s.db.query("select from forgeq.job")).toEqual([]);
    }
  });
});

it("takes an instant that is past as due, however long ago, and one just below ten years ahead", async () => {
  const { db, queue } = await setup({ realClock: true });
  const past = ["4713-01-01 00:00:00+00 BC", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2001-01-01T00:00:00Z"];
  for (const runAt of past) await db.query("select forgeq.enqueue('plain', '{}', run_at => $1::timestamptz)", [runAt]);
  await db.query("select forgeq.enqueue('plain', '{}', delay_seconds => -3600)");
  const ahead = [
    ["run_at", yearsAhead(9.99).toISOString(), "timestamptz"],
    ["delay_seconds", "315000000", "float8"],
  ] as const;
  for (const [field, value, type] of ahead)
    await db.query(`select forgeq.enqueue('plain', '{}', ${field} => $1::${type})`, [value]);
  const { leases } = await queue.claim();
  expect(leases.map(({ jobs }) => jobs)).toEqual([past.length + 1]);
});

describe("from TypeScript", () => {
  const job = (more: object = {}) => ({ type: "plain", payload: {}, ...more });
  const FAR: readonly Partial<IdentifiedJob>[] = [
    { runAt: new Date(NaN) },
    { runAt: new Date(8.64e15) },
    { runAt: yearsAhead(11) },
    { runAt: new Date("9999-12-31T00:00:00Z") },
    { delaySeconds: Infinity },
    { delaySeconds: -Infinity },
    { delaySeconds: NaN },
    { delaySeconds: 1e12 },
  ];

  it("is refused with a pointer, alone and among others, and the others of one statement are stored", async () => {
    const { deps, db } = await setup({ realClock: true });
    for (const far of FAR) {
      const pointer = "runAt" in far ? "/run_at" : "/delay_seconds";
      const refusal = (index: number) => ({
        code: "invalid_job",
        details: { index, errors: [{ pointer, message: MESSAGE }] },
      });
      await expect(enqueueJobs(deps, [job(far)])).rejects.toMatchObject(refusal(0));
      await expect(enqueueJobs(deps, [job(), job(far)])).rejects.toMatchObject(refusal(1));
      await expect(enqueueJobs(deps, [job({ id: uuidV7(), ...far })])).rejects.toMatchObject(refusal(0));
      await expect(enqueueJobs(deps, [job({ uniqueKey: uuidV7(), ...far })])).rejects.toMatchObject(refusal(0));
      expect(await db.query("select from forgeq.job"), JSON.stringify(far)).toEqual([]);
      const together = await Promise.allSettled([job(), job(far), job()].map((each) => enqueueJobs(deps, [each])));
      expect(together.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      await db.query("delete from forgeq.job");
    }
  });

  it("is refused inside a caller's transaction", async () => {
    const { db } = await setup({ jobs: [plain, sendEmail], realClock: true });
    for (const far of FAR) {
      const enqueue = db.transaction((tx) =>
        enqueueJobsIn(tx, [toNewJob(sendEmail, { email: "a@example.com" }, far)], null),
      );
      await expect(enqueue).rejects.toBeInstanceOf(ForgeqError);
      const pointer = expect.stringMatching(/^\/(runAt|run_at|delaySeconds)$/) as string;
      await expect(enqueue).rejects.toMatchObject({ code: "invalid_job", details: { errors: [{ pointer }] } });
    }
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });

  it("is due where it is past", async () => {
    const { deps, db, queue } = await setup({ realClock: true });
    for (const runAt of [new Date(-8.64e15), new Date(-1), new Date("0044-03-15T00:00:00Z")])
      expect(await enqueueJobs(deps, [job({ runAt })])).toMatchObject([{ created: true, job: { state: "pending" } }]);
    await enqueueMany(db, [{ id: uuidV7(), ...job(), delaySeconds: 1 }], true, null);
    expect((await queue.claim()).leases.map(({ jobs }) => jobs)).toEqual([3]);
  });
});

describe("over HTTP", () => {
  const mail = (more: object = {}) => ({ type: "send_email", payload: { email: "a@example.com" }, ...more });
  const api = async () => {
    const s = await setup({ jobs: [sendEmail], queues: [], realClock: true });
    const handler = createHandler(s.deps, ALL_SCOPES);
    return { ...s, post: (path: string, body: unknown) => send(handler, { path, method: "POST", body }) };
  };

  it("answers 422 invalid_job with the pointer of the job that is more than ten years ahead", async () => {
    const { post, db } = await api();
    for (const runAt of ["9999-12-30T00:00:00Z", yearsAhead(10.01).toISOString()]) {
      expect(await post("/jobs", mail({ run_at: runAt }))).toMatchObject({
        status: 422,
        body: { code: "invalid_job", detail: `run_at ${MESSAGE}`, errors: [{ pointer: "/run_at", detail: MESSAGE }] },
      });
      expect(await post("/jobs/batch", { jobs: [mail(), mail({ run_at: runAt })] })).toMatchObject({
        status: 422,
        body: { code: "invalid_job", errors: [{ pointer: "/jobs/1/run_at", detail: MESSAGE }] },
      });
    }
    for (const runAt of ["infinity", "-infinity", "+010000-01-01T00:00:00Z", "5874897-01-01T00:00:00Z"])
      expect(await post("/jobs", mail({ run_at: runAt }))).toMatchObject({
        status: 422,
        body: { code: "invalid_job", errors: [{ pointer: "/run_at" }] },
      });
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });

  it("takes one just below ten years ahead, and a past one as due", async () => {
    const { post } = await api();
    expect(await post("/jobs", mail({ run_at: yearsAhead(9.99).toISOString() }))).toMatchObject({
      status: 201,
      body: { state: "scheduled" },
    });
    expect(await post("/jobs", mail({ run_at: "1970-01-01T00:00:00Z" }))).toMatchObject({
      status: 201,
      body: { state: "pending" },
    });
  });
});
