/** Walks the OpenAPI document against servers: each operation gives each status that it describes, as it describes it, and no log has a secret. */
import { expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { exampleBodies } from "../../../lib/http/examples.ts";
import { described } from "../../../lib/http/openapi.ts";
import { ROOT } from "../../support/cli/cli.ts";
import { startServer } from "../../support/cli/project.ts";
import {
  ALL,
  type Answer,
  BY_ID,
  CANARY,
  createAsking,
  KEYS,
  mail,
  OPENAPI,
  POOR,
  send,
  type Sent,
  statusOf,
  UNKNOWN,
  useJobs,
  useQueuesAndSchedules,
  useTheRest,
} from "../../support/http/tour.ts";
import { plain, setup as setUp, unlimited } from "../../support/queue.ts";

const TIME_OUT_MS = 400_000;

const EXAMPLES = exampleBodies(jobs) as Record<string, object>;
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

/** Servers before one database, and a list of what they answered. */
const setup = async () => {
  const s = await setUp({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
  const start = (env: Readonly<Record<string, string>>) =>
    startServer(ROOT, { DATABASE_URL: s.url, FORGEQ_API_KEYS: KEYS, FORGEQ_LOG_LEVEL: "debug", ...env });
  const server = await start({ FORGEQ_SECRET: Buffer.alloc(32, 1).toString("base64url") });
  let audited = 0;

  const asking = createAsking(server.origin);
  const ask = async (id: string, sent: Sent = {}, { origin } = server): Promise<Answer> => {
    const answer = await asking.ask(id, sent, origin);
    if (origin === server.origin && BY_ID.get(id)?.audit !== undefined && answer.status < 300) audited += 1;
    return answer;
  };
  const get = (status: number, id: string, sent: Sent = {}) => statusOf(ask, status, id, sent);
  const { seen, wrong } = asking;
  return { ...s, server, start, ask, get, seen, wrong, origin: server.origin, audited: () => audited };
};
type World = Awaited<ReturnType<typeof setup>>;

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
