/** Walks the OpenAPI document against servers: each operation gives each status that it describes, as it describes it, and no log has a secret. */
import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import { expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { exampleBodies } from "../../../lib/http/examples.ts";
import { described, openapiDocument } from "../../../lib/http/openapi.ts";
import { ROOT } from "../../support/cli/cli.ts";
import { startServer } from "../../support/cli/project.ts";
import { SECRET } from "../../support/http/http.ts";
import { type OpenApi, wrongAnswer } from "../../support/http/openapi.ts";
import { plain, setup as setUp, unlimited } from "../../support/queue.ts";

const TIME_OUT_MS = 400_000;
const OPENAPI = openapiDocument(jobs) as unknown as OpenApi;
const UNKNOWN = "019ab000-0000-7000-8000-00000000000a";
/** In every payload, label and key: no log may show them. A reason is written to the audit line, as it should be. */
const CANARY = "c4n4ry";
const POOR = `${CANARY}-a-key-with-one-scope-that-no-route-needs`;
const ALL = `${CANARY}-${SECRET}`;

/** Statuses that no request alone brings about, and what does. */
const ALWAYS: Readonly<Record<string, string>> = {
  408: "a body that stops in the middle: test/unit/node-bodies.test.ts",
  500: "a fault of ForgeQ",
};
const AT_A_TIME = "the same Idempotency-Key at a time: test/integration/http/idempotency-key.test.ts";
const NOT_BUILT = "nothing was built: test/unit/dashboard-files.test.ts";
const NO_DATABASE = "asks no database; what else it needs is read from AWS";
const REASONS: Readonly<Record<string, string>> = {
  "getDashboard 404": NOT_BUILT,
  "getDocs 404": NOT_BUILT,
  "bulkJobs 409": AT_A_TIME,
  "cloneJob 409": AT_A_TIME,
  "triggerSchedule 409": AT_A_TIME,
  "getOpenapi 503": NO_DATABASE,
  "getMe 503": NO_DATABASE,
  "previewSchedule 503": NO_DATABASE,
  "signIn 503": NO_DATABASE,
  "getSession 503": "a crowd: test/unit/node-bodies.test.ts",
  "signOut 503": "a crowd: test/unit/node-bodies.test.ts",
  "getDashboard 503": "a crowd: test/unit/node-bodies.test.ts",
  "getDashboardFile 503": "a crowd: test/unit/node-bodies.test.ts",
  "getDocs 503": "a crowd: test/unit/node-bodies.test.ts",
  "getDocsFile 503": "a crowd: test/unit/node-bodies.test.ts",
};

const BY_ID = new Map(described.map((operation) => [operation.id, operation]));
const EXAMPLES = exampleBodies(jobs) as Record<string, object>;

interface Sent {
  readonly path?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly key?: string | null;
}
interface Answer {
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
const KEYS = JSON.stringify([
  hashed("all", ALL, ["jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read", "admin"]),
  hashed("poor", POOR, ["jobs:work"]),
]);

/** Of Node itself, because fetch sends no body with a GET. */
const send = (origin: string, method: string, path: string, sent: Sent): Promise<Answer> =>
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

/** Servers before one database, and a list of what they answered. */
const setup = async () => {
  const s = await setUp({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
  const start = (env: Readonly<Record<string, string>>) =>
    startServer(ROOT, { DATABASE_URL: s.url, FORGEQ_API_KEYS: KEYS, FORGEQ_LOG_LEVEL: "debug", ...env });
  const server = await start({ FORGEQ_SECRET: Buffer.alloc(32, 1).toString("base64url") });
  const seen = new Set<string>();
  const wrong: string[] = [];
  let audited = 0;

  const ask = async (id: string, sent: Sent = {}, { origin } = server): Promise<Answer> => {
    const operation = BY_ID.get(id);
    if (operation === undefined) throw new Error(`there is no ${id}`);
    const { method } = operation;
    const path =
      sent.path ?? operation.path.replaceAll(/\{(\w+)\}/g, (_, name) => (name === "id" ? UNKNOWN : "unknown"));
    const answer = await send(origin, method, path, sent);
    seen.add(`${id} ${answer.status}`);
    if (origin === server.origin && operation.audit !== undefined && answer.status < 300) audited += 1;
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
  /** The same, when the status is known. */
  const get = async (status: number, id: string, sent: Sent = {}): Promise<Record<string, unknown>> => {
    const answer = await ask(id, sent);
    expect([id, answer.status, answer.text]).toEqual([id, status, answer.text]);
    return (/json/.test(answer.type) ? JSON.parse(answer.text) : {}) as Record<string, unknown>;
  };
  return { ...s, server, start, ask, get, seen, wrong, audited: () => audited };
};
type World = Awaited<ReturnType<typeof setup>>;

const mail = (more: object = {}) => ({
  type: "send_email",
  payload: { email: `${CANARY}@example.com`, subject: CANARY },
  metadata: { note: CANARY },
  delay_seconds: 900,
  ...more,
});

/** A session of somebody who uses all of it: what succeeds, and what is in the way of what. */
const useJobs = async ({ get, queue }: World): Promise<void> => {
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
  await get(200, "bulkJobs", { body: { action: "cancel", ids: [job["id"]], note: "tidy" } });
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

const useQueuesAndSchedules = async ({ get, db }: World): Promise<void> => {
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

const useTheRest = async ({ get, server }: World): Promise<void> => {
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
    const page = await send(server.origin, "GET", `/${root}`, {});
    const [file] = new RegExp(`${root}/[\\w.-]+\\.js`).exec(page.text) ?? [];
    await get(200, id, { path: `/${file ?? "none"}` });
  }
};

/** What every operation answers to a request that is wrong in one way. */
const refuse = async ({ ask }: World, id: string): Promise<void> => {
  const { body, scopes, anyKey } = BY_ID.get(id)!;
  const example = body === undefined ? {} : (EXAMPLES[id] ?? {});
  await ask(id, { query: "bogus=1" });
  await ask(id, { body: { ...example, bogus: CANARY } });
  await ask(id, { body: `{"${CANARY}":` });
  await ask(id, { body: JSON.stringify(example), headers: { "content-type": "text/plain" } });
  // Its length is enough: the rest is not waited for.
  await ask(id, { body: "{", headers: { "content-length": String((body?.maxBytes ?? 4096) + 1) } });
  await ask(id, { body: body === undefined ? undefined : example });
  if (scopes.length > 0 || anyKey === true) await ask(id, { key: null });
  if (scopes.length > 0) await ask(id, { key: POOR });
};

it(
  "every operation answers with every status of the document, as it is described there",
  { timeout: TIME_OUT_MS },
  async () => {
    const world = await setup();
    const { ask, seen, wrong, server, start } = world;
    await useJobs(world);
    await useQueuesAndSchedules(world);
    await useTheRest(world);
    await ask("getHealth", { query: "deep=1", key: null });
    await ask("getHealth", { query: "deep=1", key: POOR });
    for (const { id } of described) await refuse(world, id);
    for (const { id, method } of described.filter((operation) => operation.method === "GET")) {
      const known = [...seen].some((each) => each === `${id} 200`);
      const path = { getJob: "/jobs/ID", listAttempts: "/jobs/ID/attempts", listLives: "/jobs/ID/lives" }[id];
      const at = path?.replace("ID", (await world.queue.enqueue())[0]!);
      const named = { getQueue: "/queues/emails", getType: "/types/send_email" }[id] ?? at;
      if (id === "getSchedule") await ask("createSchedule", { body: { name: "kept", cron: "@daily", type: "send_email", payload: mail().payload } }); // prettier-ignore
      const sent = {
        ...((named ?? (id === "getSchedule" && "/schedules/kept")) && { path: named ?? "/schedules/kept" }),
      };
      if (/File$/.test(id)) {
        const root = id === "getDocsFile" ? "docs" : "dashboard";
        const [file] = new RegExp(`${root}/[\\w.-]+\\.js`).exec((await send(server.origin, "GET", `/${root}`, {})).text) ?? []; // prettier-ignore
        Object.assign(sent, { path: `/${file ?? "none"}` });
      }
      const { etag } = await ask(id, sent);
      await ask(id, { ...sent, headers: { "if-none-match": etag } });
      // What changes each second has another tag by then; any tag is the same to it.
      if (!seen.has(`${id} 304`)) await ask(id, { ...sent, headers: { "if-none-match": "*" } });
      expect([method, id, known || seen.has(`${id} 200`)]).toEqual(["GET", id, true]);
    }

    const log = server.stderr();
    const limited = await start({ FORGEQ_RATE_LIMIT: "1/9999s" });
    // One request of each function is let through.
    await ask("enqueueJob", {}, limited);
    await ask("listJobs", {}, limited);
    for (const { id, scopes, anyKey } of described)
      if (scopes.length > 0 || anyKey === true) await ask(id, {}, limited);
    await ask("createKey", { body: { label: "a", scopes: ["jobs:read"] } }, await start({}));
    await ask("signIn", { body: { key: ALL } }, limited);

    // The database goes away under a server.
    const away = await start({ FORGEQ_SECRET: Buffer.alloc(32, 1).toString("base64url") });
    await world.db.query("alter schema forgeq rename to elsewhere");
    for (const { id, path } of described) {
      const sent = id === "getHealth" ? { query: "deep=1" } : { path: path.replace("{key_id}", "fq_0123456789ab").replace("{id}", UNKNOWN).replace(/\{\w+\}/, "emails") }; // prettier-ignore
      await ask(id, { ...sent, ...(id in EXAMPLES && { body: EXAMPLES[id] }) }, away);
    }
    await world.db.query("alter schema elsewhere rename to forgeq");

    expect([...new Set(wrong)]).toEqual([]);
    const promised = described.flatMap(({ id, method, path }) =>
      Object.keys(OPENAPI.paths[path]![method.toLowerCase()]!.responses).map((status) => `${id} ${status}`),
    );
    const missing = promised.filter(
      (each) => !seen.has(each) && !(each in REASONS) && !(each.split(" ")[1]! in ALWAYS),
    );
    expect(missing).toEqual([]);
    expect(Object.keys(REASONS).filter((each) => seen.has(each) || !promised.includes(each))).toEqual([]);

    // What was sent and kept is in no line, and each change that was made left one.
    const lines = log.split("\n");
    expect(lines.filter((line) => line.includes(CANARY))).toEqual([]);
    const outcomes = lines.flatMap((line) => / audit caller=.* outcome=(\w+) /.exec(line)?.[1] ?? []);
    const made = outcomes.filter((outcome) => ["done", "requested", "previewed"].includes(outcome));
    expect(made).toHaveLength(world.audited());
  },
);
