import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { idOf } from "../../../lib/core/id-of.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { sqlState } from "../../../lib/db/drivers/failure.ts";
import { enqueueMany } from "../../../lib/db/protocol/enqueue.ts";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../../../lib/queue/enqueue/typed-job.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { plain, setup } from "../../support/queue.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const ago = (ms: number): Date => new Date(Date.now() - ms);

/** No caller may give these. */
const REFUSED: Record<string, () => string> = {
  "of version 4": () => "6f9619ff-8b86-4011-b42d-00c04fc964ff",
  "of version 1": () => "6f9619ff-8b86-11d0-b42d-00c04fc964ff",
  "of another variant": () => `${idOf("k", ago(0)).slice(0, 19)}c${idOf("k", ago(0)).slice(20)}`,
  "all zeros": () => "00000000-0000-0000-0000-000000000000",
  "all ones": () => "ffffffff-ffff-ffff-ffff-ffffffffffff",
  "made more than 30 days ago": () => idOf("k", ago(30 * DAY_MS + MINUTE_MS)),
  "made more than an hour ahead": () => idOf("k", ago(-61 * MINUTE_MS)),
};

const message = (id: string): string =>
  `the id ${id} is not a UUID of version 7 made between 30 days ago and an hour ahead: forgeq.id_of(key, made_at) makes one`;

const failure = async (work: Promise<unknown>): Promise<Error & { readonly detail?: string }> =>
  work.then(
    () => expect.unreachable("it was taken"),
    (error: unknown) => error as Error,
  );

describe.each(Object.keys(REFUSED))("an id %s is refused", (kind) => {
  const id = REFUSED[kind]!();

  it("in SQL, whoever says that it was made for the call", async () => {
    const { db } = await setup();
    const jobs = JSON.stringify([
      { type: "plain", payload: {} },
      { id, type: "plain", payload: {} },
    ]);
    for (const [call, params, index] of [
      ["select forgeq.enqueue('plain', '{}', id => $1)", [id], 0],
      ["select forgeq.enqueue('plain', '{}', id => $1, unique_key => 'k')", [id], 0],
      ["select forgeq.enqueue_many($1::jsonb)", [jobs], 1],
      ["select forgeq.enqueue_many($1::jsonb, true)", [jobs], 1],
      ["select forgeq.enqueue_and_claim($1::jsonb, true)", [jobs], 1],
    ] as const) {
      const error = await failure(db.query(call, params));
      expect([sqlState(error), error.message, JSON.parse(error.detail ?? "")], call).toEqual([
        "FQ007",
        message(id),
        { index },
      ]);
    }
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });

  it("by the package and the API, which name the field", async () => {
    const { db, deps } = await setup({ jobs: [plain, sendEmail], realClock: true });
    const refusal = { code: "id_version", message: message(id), details: { index: 0 } };
    const job = toNewJob(plain, {}, { id });
    await expect(enqueueJobs(deps, [job])).rejects.toMatchObject(refusal);
    await expect(enqueueJobsIn(db, [job], null)).rejects.toMatchObject(refusal);
    await expect(enqueueJobs({ ...deps, config: { ...deps.config, eager: true } }, [job])).rejects.toMatchObject(
      refusal,
    );

    const handler = createHandler(deps, ALL_SCOPES);
    const body = { type: "send_email", payload: { email: "test@example.com" }, id };
    expect(await send(handler, { path: "/jobs", body })).toMatchObject({
      status: 422,
      body: { code: "id_version", detail: message(id), errors: [{ pointer: "/id" }] },
    });
    const { id: _, ...good } = body;
    expect(await send(handler, { path: "/jobs/batch", body: { jobs: [good, body] } })).toMatchObject({
      status: 422,
      body: { code: "id_version", errors: [{ pointer: "/jobs/1/id" }] },
    });
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });
});

it("takes an id made 30 days ago, and one an hour ahead, each once", async () => {
  const { db, deps } = await setup({ realClock: true });
  const ids = [idOf("old", ago(30 * DAY_MS - MINUTE_MS)), idOf("ahead", ago(-59 * MINUTE_MS))];
  const jobs = ids.map((id) => toNewJob(plain, {}, { id }));
  expect((await enqueueJobs(deps, jobs)).map(({ created }) => created)).toEqual([true, true]);
  expect((await enqueueJobs(deps, jobs)).map(({ created }) => created)).toEqual([false, false]);
  expect(await db.query("select from forgeq.job")).toHaveLength(2);
});

it("refuses a call that is sent again when its id has become too old, although its job is there", async () => {
  const s = await setup();
  const item = { id: idOf("order 42", s.at(-29 * 86_400)), type: "plain", payload: {} };
  expect(await enqueueMany(s.db, [item], false, s.at(0))).toMatchObject([{ created: true }]);
  expect(await enqueueMany(s.db, [item], false, s.at(86_000))).toMatchObject([{ created: false }]);
  await expect(enqueueMany(s.db, [item], false, s.at(86_401))).rejects.toMatchObject({ code: "id_version" });
});

it("ids that ForgeQ made itself are not checked, so that a producer may have a wrong clock and send its call again", async () => {
  const { db, queue, moveTo } = await setup();
  const call = (own: boolean) => `select forgeq.enqueue_in_groups($1::jsonb, $2, false, null, ${own})`;
  // As uuidV7 makes them where the clock is two weeks ahead.
  const ids = ["a", "b"].map((key) => idOf(key, ago(-14 * DAY_MS)));
  for (const fresh of [true, false, false])
    await db.query("select forgeq.enqueue_lines($1::uuid[], $2, '{plain}', fresh => $3)", [ids, "{}\n{}", fresh]);
  const keyed = JSON.stringify([{ id: idOf("c", ago(-180 * MINUTE_MS)), type: "plain", payload: {}, unique_key: "c" }]);
  for (const fresh of [true, false, false]) await db.query(call(true), [keyed, fresh]);
  expect(await db.query("select from forgeq.job")).toHaveLength(3);
  expect(sqlState(await failure(db.query(call(false), [keyed, false])))).toBe("FQ007");
  // Nor is a job stored again that has ended before the call is sent again.
  moveTo(60);
  expect(await queue.settle(await queue.lease(), "completed")).toMatchObject({ outcome: "settled" });
  await db.query("select forgeq.enqueue_lines($1::uuid[], $2, '{plain}', fresh => false)", [ids, "{}\n{}"]);
  await db.query(call(true), [keyed, false]);
  expect(await db.query("select from forgeq.job")).toEqual([]);
});

describe("id_of", () => {
  it.each([
    ["order 42", "2026-01-31T08:00:00.123Z"],
    ["Zürich 💌 ", "1970-01-01T00:00:00.000Z"],
    ["x".repeat(5000), "9999-12-31T23:59:59.999Z"],
  ])("is the same in SQL and in TypeScript: %#", async (key, instant) => {
    const { db } = await setup();
    const madeAt = new Date(instant);
    const [row] = await db.query<{ id: string; again: string; time: Date; finer: string }>(
      `select forgeq.id_of($1, $2) as id, forgeq.id_of($1, $2) as again, forgeq.id_time(forgeq.id_of($1, $2)) as time,
              forgeq.id_of($1, $2::timestamptz + interval '999 microseconds') as finer`,
      [key, madeAt],
    );
    expect(row).toEqual({ id: idOf(key, madeAt), again: row!.id, time: madeAt, finer: row!.id });
    expect(row!.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it("differs by key and by millisecond", () => {
    const at = new Date("2026-01-31T08:00:00Z");
    const ids = [idOf("a", at), idOf("b", at), idOf("a", new Date(at.getTime() + 1))];
    expect(new Set(ids).size).toBe(3);
    expect(new Set(ids.map((id) => id.slice(14))).size).toBe(3);
  });

  it("needs a key and an instant: without them a job would be stored once for each call", async () => {
    const { db } = await setup();
    const at = "2026-01-31T08:00:00Z";
    for (const [key, instant] of [
      [null, at],
      ["", at],
      ["a", null],
      ["a", "infinity"],
      ["a", "-infinity"],
      ["a", "1969-12-31T23:59:59Z"],
      ["a", "10000-01-01T00:00:00Z"],
    ])
      expect(sqlState(await failure(db.query("select forgeq.id_of($1, $2::timestamptz)", [key, instant])))).toBe(
        "22023",
      );
    for (const [key, instant] of [
      ["", at],
      ["a", "never"],
      ["a\u0000", at],
      ["\ud800", at],
      ["a", "1969-12-31T23:59:59Z"],
    ] as const)
      expect(() => idOf(key, new Date(instant))).toThrow(expect.objectContaining({ code: "invalid_job" }));
  });
});

it("ids of callers are in the order of their instants, beside those that ForgeQ makes", async () => {
  const { deps, db } = await setup({ realClock: true });
  await enqueueJobs(deps, [toNewJob(plain, { n: 2 }, { id: uuidV7() })]);
  await enqueueJobs(deps, [toNewJob(plain, { n: 1 }, { id: idOf("yesterday", ago(DAY_MS)) })]);
  const rows = await db.query<{ n: number }>("select (payload ->> 'n')::int as n from forgeq.job order by id desc");
  expect(rows.map(({ n }) => n)).toEqual([2, 1]);
});
