import * as z from "zod";
import { createHandler } from "../../../functions/enqueue.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { answering, httpDeps } from "./http-deps.ts";
import { ALL_SCOPES, send } from "./http.ts";

const JOBS = [
  defineJob({
    type: "send_email",
    queue: "emails",
    payload: z.object({
      email: z.email(),
      subject: z.string().default("Hello"),
      "a/b~c": z.number().optional(),
      tags: z.array(z.strictObject({ name: z.string() })).default([]),
    }),
  }),
  defineJob({ type: "anything", payload: z.json() }),
];

export const ID = "019ab000-0000-7000-8000-00000000000a";
export const GOOD = { type: "send_email", payload: { email: "test@example.com" } };

interface Item {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
}

/** Of an array of uuid in Postgres' binary format. */
const idsIn = (array: Buffer): string[] =>
  Array.from({ length: array.readInt32BE(12) }, (_, n) =>
    array
      .subarray(24 + 20 * n, 40 + 20 * n)
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
  );

/** What a statement stores: a document of all jobs; or the ids, and a line for each with its payload and with its details. */
const itemsIn = ([jobs, payloads, types, , details]: readonly unknown[]): Item[] => {
  if (!Buffer.isBuffer(jobs)) return JSON.parse(jobs as string) as Item[];
  const linesOf = (text: unknown) =>
    typeof text === "string" ? text.split("\n").map((line) => JSON.parse(line) as unknown) : [];
  const [payloadOf, detailsOf] = [linesOf(payloads), linesOf(details)];
  return idsIn(jobs).map((id, n) => ({
    id,
    type: (types as string[])[0]!,
    payload: payloadOf[n],
    ...(detailsOf[n] as object),
  }));
};

const CREATED = { created: true, queue: "emails", priority: 5, maxAttempts: 8 };
const NOW = new Date("2030-01-01T00:00:00Z");

/** The enqueue function before a database that stores what it gets, or refuses all of it. */
export const setup = (keys = ALL_SCOPES, refusal?: { code: string; detail: object }) => {
  const stored: Item[] = [];
  const { db, query } = answering({
    enqueue: (params) => {
      const items = itemsIn(params);
      if (refusal !== undefined) {
        const detail = JSON.stringify({ requested_id: items.at(-1)?.id, ...refusal.detail });
        throw Object.assign(new Error("the database says no"), { code: refusal.code, detail });
      }
      stored.push(...items);
      const group = [...Object.values(CREATED), NOW.toISOString(), NOW.toISOString(), null, null, null];
      return [{ stored: [[group], null] }];
    },
  });
  const deps = httpDeps(db);
  const handler = createHandler(deps, keys, JOBS);
  return {
    stored,
    query,
    deps,
    post: (body: unknown, headers: Record<string, string> = {}) => send(handler, { path: "/jobs", body, headers }),
    postBatch: (body: unknown) => send(handler, { path: "/jobs/batch", body }),
  };
};
