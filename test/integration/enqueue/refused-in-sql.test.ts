import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/enqueue.ts";
import { sendEmail } from "../../../functions/handlers/send_email/job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { sqlState } from "../../../lib/db/drivers/failure.ts";
import { enqueueJobs, enqueueJobsIn } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const KIB = 1024;
const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
};
/** A payload that takes so many bytes as JSON without spaces. */
const sized = (bytes: number): unknown => {
  const list = Array.from({ length: 1_000 }, () => 1);
  return { list, text: "x".repeat(bytes - JSON.stringify({ list, text: "" }).length) };
};
const TRACEPARENT = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

/** A value, the SQLSTATE, the field that the detail names, and what it says. */
const REFUSED: readonly [what: string, job: object, state: string, field: string, message: string][] = [
  ["a payload of 20 MB", { payload: "x".repeat(20 << 20) }, "FQ008", "payload", "must have 256 KiB at most"],
  [
    "a payload of one byte too many",
    { payload: sized(256 * KIB + 1) },
    "FQ008",
    "payload",
    "must have 256 KiB at most",
  ],
  [
    "a payload that is nested too deeply",
    { payload: nested(65) },
    "FQ003",
    "payload",
    "is nested deeper than 64 levels",
  ],
  ["metadata that is a list", { metadata: [1, 2] }, "FQ003", "metadata", "must be an object"],
  ["metadata that is a text", { metadata: "x" }, "FQ003", "metadata", "must be an object"],
  ["metadata that is too large", { metadata: sized(16 * KIB + 1) }, "FQ003", "metadata", "must have 16 KiB at most"],
  [
    "metadata that is nested too deeply",
    { metadata: { a: nested(64) } },
    "FQ003",
    "metadata",
    "is nested deeper than 64 levels",
  ],
  ["a depth of 30,000", { depth: 30_000 }, "FQ003", "depth", "must be 0 to 64"],
  ["a depth below zero", { depth: -1 }, "FQ003", "depth", "must be 0 to 64"],
  [
    "a traceparent with ESC",
    { traceparent: "\u001b]0;x\u0007" },
    "FQ003",
    "traceparent",
    "must be a W3C traceparent of version 00",
  ],
  ["a unique key with ESC", { unique_key: "a\u001b[2J" }, "FQ003", "unique_key", "must not have control characters"],
  [
    "a unique key with a C1 character",
    { unique_key: "a\u009b2J" },
    "FQ003",
    "unique_key",
    "must not have control characters",
  ],
  [
    "a unique key with a bidirectional mark",
    { unique_key: "a\u202eb" },
    "FQ003",
    "unique_key",
    "must not have control characters",
  ],
  ["an empty unique key", { unique_key: "" }, "FQ003", "unique_key", "must have 1 to 200 characters"],
  ["a long unique key", { unique_key: "x".repeat(201) }, "FQ003", "unique_key", "must have 1 to 200 characters"],
];

const TAKEN: readonly object[] = [
  { payload: sized(256 * KIB) },
  { payload: nested(64) },
  { metadata: sized(16 * KIB) },
  { metadata: null },
  { depth: 64 },
  { traceparent: TRACEPARENT },
  { unique_key: "ключ 鍵 🔑 ".padEnd(200, "x") },
];

const failure = async (work: Promise<unknown>): Promise<{ message: string; detail?: string } & Error> =>
  work.then(
    () => expect.unreachable("it was taken"),
    (error: unknown) => error as Error,
  );

const setupMail = () => setup({ jobs: [sendEmail], queues: [], realClock: true });
const mail = (more: object = {}) => ({ type: "send_email", payload: { email: "a@example.com" }, ...more });

describe("in SQL a value that no job may have is refused, and stores nothing", () => {
  const CALLS = {
    "enqueue_many, sent for the first time": "select forgeq.enqueue_many($1::jsonb, true)",
    "enqueue_many, sent again": "select forgeq.enqueue_many($1::jsonb, false)",
    enqueue_and_claim: "select forgeq.enqueue_and_claim($1::jsonb, true)",
  };

  it.each(REFUSED)("%s", async (_what, more, state, field, message) => {
    const { db } = await setupMail();
    for (const [name, call] of Object.entries(CALLS)) {
      const jobs = [
        { id: uuidV7(), ...mail() },
        { id: uuidV7(), ...mail(more) },
      ];
      const error = await failure(db.query(call, [JSON.stringify(jobs)]));
      expect([sqlState(error), error.message], name).toEqual([state, `${field} ${message}`]);
      expect(JSON.parse(error.detail ?? "")).toEqual({ index: 1, errors: [{ pointer: `/${field}`, message }] });
    }
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });

  it("by forgeq.enqueue, too", async () => {
    const { db } = await setupMail();
    const enqueue = (payload: unknown, metadata: unknown, key: string | null) =>
      db.query("select forgeq.enqueue('send_email', $1::jsonb, metadata => $2::jsonb, unique_key => $3)", [
        JSON.stringify(payload),
        JSON.stringify(metadata),
        key,
      ]);
    expect(sqlState(await failure(enqueue("x".repeat(20 << 20), {}, null)))).toBe("FQ008");
    expect(sqlState(await failure(enqueue({}, [1, 2], null)))).toBe("FQ003");
    expect(sqlState(await failure(enqueue({}, {}, "a\u001b")))).toBe("FQ003");
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });

  it("by enqueue_lines, the plain path", async () => {
    const { db } = await setupMail();
    const call = (payload: unknown, details: object) =>
      db.query("select forgeq.enqueue_lines($1::uuid[], $2, '{send_email}', details => $3, fresh => true)", [
        [uuidV7(), uuidV7()],
        `{}\n${JSON.stringify(payload)}`,
        `{}\n${JSON.stringify(details)}`,
      ]);
    for (const known of [false, true]) {
      if (known) await db.query("select forgeq.enqueue('send_email', '{}')");
      await db.query("delete from forgeq.job");
      expect(sqlState(await failure(call(sized(256 * KIB + 1), {})))).toBe("FQ008");
      for (const details of [{ metadata: [1] }, { depth: 30_000 }, { depth: 65 }, { traceparent: "\u001b" }])
        expect(sqlState(await failure(call({}, details)))).toBe("23514");
      expect(await db.query("select from forgeq.job")).toEqual([]);
      await call(sized(256 * KIB), { metadata: { a: 1 }, depth: 64, traceparent: TRACEPARENT });
    }
  });

  it("but not what is just within", async () => {
    const { db } = await setupMail();
    for (const more of TAKEN) {
      await db.query("select forgeq.enqueue_many($1::jsonb)", [JSON.stringify([mail(more)])]);
      await db
        .query("select forgeq.enqueue_many($1::jsonb)", [JSON.stringify([{ id: uuidV7(), ...mail(more) }])])
        .catch((error: unknown) => expect(sqlState(error)).toBe("FQ005"));
    }
  });
});

describe("a unique key with control characters is refused with the same words", () => {
  const MESSAGE = "must not have control characters";
  const KEYS = [
    "\u0000",
    "\u001b]0;title\u0007",
    "line\nbreak",
    "\u007f",
    "\u009b2J",
    "\u200f",
    "\u2028",
    "\u202e",
    "\u2066",
  ];

  it("over HTTP, alone and in a batch", async () => {
    const { deps, db } = await setupMail();
    const handler = createHandler(deps, ALL_SCOPES);
    for (const key of KEYS) {
      const one = await send(handler, { path: "/jobs", method: "POST", body: mail({ unique_key: key }) });
      expect(one, JSON.stringify(key)).toMatchObject({
        status: 422,
        body: { code: "invalid_job", errors: [{ pointer: "/unique_key", detail: MESSAGE }] },
      });
      const jobs = [mail(), mail({ unique_key: key })];
      expect(await send(handler, { path: "/jobs/batch", method: "POST", body: { jobs } })).toMatchObject({
        status: 422,
        body: { code: "invalid_job", errors: [{ pointer: "/jobs/1/unique_key", detail: MESSAGE }] },
      });
    }
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });

  it("from TypeScript, with or without a transaction", async () => {
    const { deps, db } = await setupMail();
    for (const uniqueKey of KEYS) {
      const refusal = {
        code: "invalid_job",
        message: `unique_key ${MESSAGE}`,
        details: { index: 0, errors: [{ pointer: "/unique_key", message: MESSAGE }] },
      };
      await expect(enqueueJobs(deps, [mail({ uniqueKey }) as never])).rejects.toMatchObject(refusal);
      await expect(
        db.transaction((tx) => enqueueJobsIn(tx, [mail({ uniqueKey }) as never], null)),
      ).rejects.toMatchObject(refusal);
    }
    expect(await db.query("select from forgeq.job")).toEqual([]);
  });
});
