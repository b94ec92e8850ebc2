/** A session of somebody who uses all of the API, and every answer of it held against the OpenAPI document: of whatever server. */
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { expect } from "vitest";
import { jobs } from "../../../functions/registry.ts";
import { described, openapiDocument } from "../../../lib/http/openapi.ts";
import type { Db } from "../../../lib/db/drivers/client.ts";
import type { setup } from "../queue.ts";
import { SECRET } from "./http.ts";
import { type OpenApi, wrongAnswer } from "./openapi.ts";

export const OPENAPI = openapiDocument(jobs) as unknown as OpenApi;
export const UNKNOWN = "019ab000-0000-7000-8000-00000000000a";
/** In every payload, label and key: no log may show them. A reason is written to the audit line, as it should be. */
export const CANARY = "c4n4ry";
export const POOR = `${CANARY}-a-key-with-one-scope-that-no-route-needs`;
export const ALL = `${CANARY}-${SECRET}`;

export const BY_ID = new Map(described.map((operation) => [operation.id, operation]));

export interface Sent {
  readonly path?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string | null;
}
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly etag: string;
  readonly located: boolean;
  readonly text: string;
}

const hashed = (id: string, key: string, scopes: readonly string[]) => ({
  ...{ id, scopes },
  sha256: createHash("sha256").update(key).digest("hex"),
});
export const KEYS = JSON.stringify([
  hashed("all", ALL, ["jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read", "admin"]),
  hashed("poor", POOR, ["jobs:work"]),
]);

/** Of Node itself, because fetch sends no body with a GET. */
export const send = (origin: string, method: string, path: string, sent: Sent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { body, headers, query, key = ALL } = sent;
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const request = httpRequest(`${origin}${path}${query === undefined ? "" : `?${query}`}`, {
      agent: false,
      method,
      headers: {
        "x-forgeq-dashboard": "1",
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(text !== undefined && {
          "content-type": "application/json",
          "content-length": String(Buffer.byteLength(text)),
        }),
        ...headers,
      },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        request.destroy();
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          etag: response.headers.etag ?? "",
          located: response.headers.location !== undefined,
          text: Buffer.concat(chunks).toString(),
        });
      });
    });
    request.end(text);
  });

/** Asks a server, and notes what it answered, and what of that is not as the document says. */
export const createAsking = (origin: string) => {
  const seen = new Set<string>();
  const wrong: string[] = [];
  const ask = async (id: string, sent: Sent = {}, at = origin): Promise<Answer> => {
    const operation = BY_ID.get(id);
    if (operation === undefined) throw new Error(`there is no ${id}`);
    const { method } = operation;
    const path =
      sent.path ?? operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => (name === "id" ? UNKNOWN : "unknown"));
    const answer = await send(at, method, path, sent);
    seen.add(`${id} ${answer.status}`);
    const { status, type, text, located } = answer;
    const described = OPENAPI.paths[operation.path]?.[method.toLowerCase()]?.responses[String(status)];
    const says = "location" in (described?.headers ?? {});
    if (says !== located) wrong.push(`${id} ${status} ${located ? "has a" : "lacks its"} location`);
    if (status === 204 || status === 304) wrong.push(...(text === "" ? [] : [`${id} ${status} has a body`]));
    else {
      const body: unknown = /json/.test(type) ? JSON.parse(text) : text;
      wrong.push(...wrongAnswer(OPENAPI, { method, path }, { status, type, body }));
    }
    return answer;
  };
  return { ask, seen, wrong };
};

/** An answer's JSON, where its status is known. */
export const statusOf = async (
  ask: (id: string, sent: Sent) => Promise<Answer>,
  status: number,
  id: string,
  sent: Sent = {},
): Promise<Record<string, unknown>> => {
  const answer = await ask(id, sent);
  expect([id, answer.status, answer.text]).toEqual([id, status, answer.text]);
  return (/json/.test(answer.type) && answer.text !== "" ? JSON.parse(answer.text) : {}) as Record<string, unknown>;
};

interface Tour {
  readonly db: Db;
  readonly queue: Awaited<ReturnType<typeof setup>>["queue"];
  readonly origin: string;
  readonly get: (status: number, id: string, sent?: Sent) => Promise<Record<string, unknown>>;
}

export const mail = (more: object = {}) => ({
  type: "send_email",
  payload: { email: `${CANARY}@example.com`, subject: CANARY },
  metadata: { note: CANARY },
  delay_seconds: 900,
  ...more,
});

/** A session of somebody who uses all of it: what succeeds, and what is in the way of what. */
export const useJobs = async ({ get, queue }: Tour): Promise<void> => {
  const job = await get(201, "enqueueJob", { body: mail({ unique_key: CANARY }) });
  await get(200, "enqueueJob", { body: mail({ unique_key: CANARY }) });
  await get(409, "enqueueJob", { body: mail({ id: job["id"], payload: { email: "other@example.com" } }) });
  await get(201, "enqueueJobs", { body: { jobs: [mail(), mail({ priority: 0 })] } });
  await get(409, "enqueueJobs", { body: { jobs: [mail({ id: job["id"], payload: { email: "other@example.com" } })] } });
  const one = (rest = "") => ({ path: `/jobs/${String(job["id"])}${rest}` });
  await get(200, "getJob", one());
  await get(200, "listAttempts", one("/attempts"));
  await get(200, "listLives", one("/lives"));
  await get(200, "rescheduleJob", { ...one("/reschedule"), body: { delay_seconds: 800 } });
  await get(201, "cloneJob", { ...one("/clone"), body: { payload: { email: `${CANARY}@example.com` } } });
  await get(409, "retryJob", one("/retry"));
  await get(409, "deleteJob", one());
  await get(200, "cancelJob", one("/cancel"));
  await get(409, "rescheduleJob", { ...one("/reschedule"), body: { delay_seconds: 1 } });
  await get(200, "retryJob", { ...one("/retry"), body: { life: 1 } });
  await get(200, "listLives", one("/lives"));
  await get(200, "getJob", { ...one(), query: "life=1" });
  // The new life is due: it may run meanwhile, fail, and wait again.
  const cancelled = async () => {
    await get(200, "bulkJobs", { body: { action: "cancel", ids: [job["id"]], note: "tidy" } });
    return (await get(200, "getJob", one()))["state"];
  };
  await expect.poll(cancelled, { timeout: 20_000, interval: 200 }).toMatch(/^(cancelled|completed|dead)$/);
  await get(204, "deleteJob", one());
  await get(404, "deleteJob", { path: "/jobs/no-id" });

  const [held = "", done = ""] = [...(await queue.enqueue()), ...(await queue.enqueue())];
  const lease = await queue.lease(1);
  const running = lease.jobIds[0]!;
  await get(202, "cancelJob", { path: `/jobs/${running}/cancel` });
  await queue.settle(lease, "completed");
  await get(409, "cancelJob", { path: `/jobs/${running}/cancel` });
  expect([held, done]).toContain(running);
};

export const useQueuesAndSchedules = async ({ get, db }: Tour): Promise<void> => {
  const at = (path: string) => ({ path });
  await get(200, "getQueue", at("/queues/emails"));
  await get(200, "setQueue", { ...at("/queues/emails"), body: { max_in_flight: 5 } });
  await get(201, "setQueue", { ...at("/queues/own"), body: { types: ["send_email"] } });
  await get(200, "pauseQueue", { ...at("/queues/own/pause"), body: { reason: "it is slow" } });
  await get(200, "resumeQueue", at("/queues/own/resume"));
  await get(200, "resetLimits", at("/queues/emails/limits"));
  await get(409, "deleteQueue", at("/queues/emails"));
  await get(204, "deleteQueue", at("/queues/own"));
  const rule = { cron: "0 9 * * 1-5", type: "send_email", payload: mail().payload };
  await get(201, "createSchedule", { body: { name: "daily", ...rule } });
  await get(409, "createSchedule", { body: { name: "daily", ...rule } });
  await get(200, "getSchedule", at("/schedules/daily"));
  await get(200, "setSchedule", { ...at("/schedules/daily"), body: rule });
  await get(201, "triggerSchedule", at("/schedules/daily/trigger"));
  await db.query("update forgeq.schedule set declared = true where name = 'daily'");
  await get(409, "setSchedule", { ...at("/schedules/daily"), body: { ...rule, cron: "0 8 * * *" } });
  await get(409, "deleteSchedule", at("/schedules/daily"));
  await db.query("update forgeq.schedule set declared = false where name = 'daily'");
  await get(204, "deleteSchedule", at("/schedules/daily"));
  await get(200, "previewSchedule", { body: { cron: "@daily" } });
};

export const useTheRest = async ({ get, origin }: Tour): Promise<void> => {
  await get(200, "getType", { path: "/types/send_email" });
  await get(200, "getHealth", { query: "deep=1" });
  await get(200, "signIn", { body: { key: ALL } });
  await get(401, "signIn", { body: { key: `${CANARY}-wrong` } });
  await get(403, "signIn", { body: { key: ALL }, headers: { "x-forgeq-dashboard": "" } });
  await get(204, "signOut");
  await get(403, "signOut", { headers: { "x-forgeq-dashboard": "" } });
  await get(403, "getMe", { key: null, headers: { cookie: "__Host-forgeq=x; forgeq=x", "x-forgeq-dashboard": "" } });
  const made = await get(201, "createKey", { body: { label: CANARY, scopes: ["jobs:read"] } });
  await get(200, "listJobs", { key: String(made["key"]) });
  await get(204, "revokeKey", { path: `/keys/${String(made["id"])}` });
  for (const [id, root] of [
    ["getDashboardFile", "dashboard"],
    ["getDocsFile", "docs"],
  ] as const) {
    const page = await send(origin, "GET", `/${root}`, {});
    const [file] = new RegExp(`${root}/[\\w.-]+\\.js`).exec(page.text) ?? [];
    await get(200, id, { path: `/${file ?? "none"}` });
  }
};
