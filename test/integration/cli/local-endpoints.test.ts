import { request as httpRequest } from "node:http";
import { createConnection } from "node:net";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it, onTestFinished } from "vitest";
import { createScheduleInput } from "../../../lib/aws/scheduler.ts";
import { createWorkerMetrics } from "../../../lib/cli/worker-metrics.ts";
import { newSecret } from "../../../lib/local/callers.ts";
import { startInvoker } from "../../../lib/local/invoker.ts";
import { startMailbox } from "../../../lib/local/mailbox.ts";
import { startNeon } from "../../../lib/local/neon.ts";
import { startWakeScheduler } from "../../../lib/local/wake-scheduler.ts";
import { startForgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { startOffline } from "../../support/cli/offline.ts";
import { makeHandlersProject } from "../../support/cli/project.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { sourcesOf, textOf } from "../../support/sources.ts";

const TIME_OUT_MS = 90_000;

/** Who calls, and what is different about the request of one that knows the whole address. */
const CALLERS = {
  program: {},
  "program without the secret": { secret: "" },
  "program with another secret": { secret: `/${newSecret()}` },
  "program without the secret that asks whether to go on": { secret: "", headers: { expect: "100-continue" } },
  "page elsewhere": { headers: { origin: "https://evil.example" } },
  "page elsewhere on this machine": { headers: { origin: "http://localhost:5173" } },
  "sandboxed page": { headers: { origin: "null" } },
  "rebound page": { headers: { host: "evil.example:PORT", origin: "http://evil.example:PORT" } },
  "rebound page that says no origin": { headers: { host: "evil.example:PORT" } },
  "rebound page of a similar name": { headers: { host: "127.0.0.1.evil.example" } },
  "own page": { headers: { origin: "http://127.0.0.1:PORT" } },
} as const satisfies Record<string, { secret?: string; headers?: Readonly<Record<string, string>> }>;
type Caller = keyof typeof CALLERS;

interface Opened {
  /** With the secret, where there is one. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** How often it has done what was asked for. */
  readonly done?: () => number;
}

interface Endpoint {
  readonly file: string;
  readonly open: () => Promise<Opened>;
  /** The status that each caller sees. */
  readonly expected: Readonly<Record<Caller, number>>;
}

const all = (status: number, others: Partial<Record<Caller, number>> = {}): Record<Caller, number> => ({
  ...(Object.fromEntries(Object.keys(CALLERS).map((caller) => [caller, 403])) as Record<Caller, number>),
  program: status,
  ...others,
});

const closing = <Started extends { close(): Promise<unknown> }>(started: Started): Started => {
  onTestFinished(async () => void (await started.close()));
  return started;
};

const openNeon = async () => {
  const url = new URL(inject("postgresUrl"));
  const neon = closing(await startNeon({ host: url.hostname, port: Number(url.port) }));
  return { neon, target: url };
};

const WAKES = { group: "g", targetArn: "arn:aws:lambda:local:000000000000:function:f", roleArn: "r" };

/** Every endpoint of this machine that answers HTTP. */
const ENDPOINTS: Record<string, Endpoint> = {
  "the invoker": {
    file: "lib/local/invoker.ts",
    expected: all(202),
    open: async () => {
      let done = 0;
      const settings = {
        file: "none",
        timeoutSeconds: 1,
        maximumRetryAttempts: 0,
        maximumEventAgeSeconds: 1,
        concurrency: 1,
      };
      const faults = () => ((done += 1), { drop: true });
      const { endpoint } = closing(await startInvoker({ functions: { f: settings }, env: () => ({}), faults }));
      const headers = { "x-amz-invocation-type": "Event", "content-type": "text/plain" };
      return { url: `${endpoint}/2015-03-31/functions/f/invocations`, headers, body: {}, done: () => done };
    },
  },
  "the scheduler of wakes": {
    file: "lib/local/wake-scheduler.ts",
    expected: all(200),
    open: async () => {
      const wakes = closing(await startWakeScheduler(async () => undefined));
      const { Name, ...body } = createScheduleInput(WAKES, Date.now() + 3_600_000);
      return { url: `${wakes.endpoint}/schedules/${Name}`, body, done: () => wakes.armed().length };
    },
  },
  "Neon over HTTP": {
    file: "lib/local/neon.ts",
    expected: all(200),
    open: async () => {
      const { neon, target } = await openNeon();
      const headers = { "neon-connection-string": `${target.href}postgres` };
      return { url: neon.fetchEndpoint, headers, body: { query: "select 1" } };
    },
  },
  "Neon over a WebSocket": {
    file: "lib/local/neon-tunnel.ts",
    expected: all(101),
    open: async () => {
      const { neon, target } = await openNeon();
      const headers = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      };
      return { url: `http://${neon.wsProxy}${target.host}`, method: "GET", headers };
    },
  },
  ...Object.fromEntries(
    ["/metrics", "/state"].map((path): [string, Endpoint] => [
      `a worker's ${path}`,
      {
        file: "lib/cli/worker-metrics.ts",
        // It changes nothing, and says nothing of a job: it has no secret.
        expected: all(path === "/state" ? 503 : 200, {
          "program without the secret": path === "/state" ? 503 : 200,
          "program without the secret that asks whether to go on": path === "/state" ? 503 : 200,
          "program with another secret": 404,
        }),
        open: async () => {
          const metrics = createWorkerMetrics({ concurrency: 1, busy: () => 0, describe: () => null });
          const { url } = closing(await metrics.serve(0, "127.0.0.1"));
          return { url: url.replace("/metrics", path), method: "GET" };
        },
      },
    ]),
  ),
  "serverless-offline's API": {
    file: "lib/serverless/offline-guard.ts",
    // It asks for a key, and its own page may call it.
    expected: all(401, {
      "program without the secret": 401,
      "program without the secret that asks whether to go on": 401,
      "program with another secret": 404,
      "own page": 401,
    }),
    open: async () => {
      const { url } = await offline();
      return { url: `${url}/jobs`, headers: { "content-type": "application/json" }, body: {} };
    },
  },
  "serverless-offline's Lambda port": {
    file: "lib/serverless/offline-guard.ts",
    // Nobody but its own functions knows the secret.
    expected: all(403),
    open: async () => {
      const { lambdaPort } = await offline();
      const headers = { "x-amz-invocation-type": "Event" };
      return {
        url: `http://127.0.0.1:${lambdaPort}/x/2015-03-31/functions/forgeq-dev-scheduler/invocations`,
        headers,
        body: {},
      };
    },
  },
};

/** What makes a server but is no endpoint of this kind. */
const OTHERS: Record<string, string> = {
  "lib/cli/run-server.ts": "the API, which asks each caller for a key and knows no cookie",
  "lib/local/mailbox.ts": "no HTTP: see below",
  "lib/local/local-run.ts": "looks whether a port is free",
  "lib/local/postgres.ts": "looks for a free port",
};

const offline = async () => startOffline((await createTestDatabase()).url, "a-key-of-the-offline-test");

const statusOf = (opened: Opened, caller: Caller): Promise<number> => {
  const { secret, headers = {} } = CALLERS[caller] as { secret?: string; headers?: Record<string, string> };
  const url = new URL(opened.url);
  const [, first = ""] = url.pathname.split("/");
  // A path of one part has no secret that could be left out.
  if (secret !== undefined)
    url.pathname = secret + (url.pathname === `/${first}` ? url.pathname : url.pathname.slice(first.length + 1));
  const changed = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replace("PORT", url.port)]),
  );
  return new Promise((resolve, reject) => {
    const { method = "POST" } = opened;
    const sent = httpRequest(url, { method, headers: { ...opened.headers, ...changed }, agent: false });
    sent.on("error", reject);
    sent.on("response", (response) => {
      if (caller !== "own page" && response.headers["access-control-allow-origin"] !== undefined)
        reject(new Error(`a browser shows the answer to the ${caller}`));
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    sent.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
    sent.end(opened.body === undefined ? undefined : JSON.stringify(opened.body));
  });
};

describe("an endpoint of this machine", () => {
  it("has its rows in the table, whichever file opens it", () => {
    const servers = /\bcreateServer\(|new (?:WebSocketServer|SMTPServer|Server)\(|\bServer\.prototype\b/;
    const found = ["lib", "functions", "bin", "deploy"].flatMap(sourcesOf).filter((file) => servers.test(textOf(file)));
    const rows = new Set([...Object.values(ENDPOINTS).map(({ file }) => file), ...Object.keys(OTHERS)]);
    expect(found.sort()).toEqual([...rows].sort());
  });

  it.each(Object.entries(ENDPOINTS))(
    "%s: is for programs that know it, and for no page",
    { timeout: TIME_OUT_MS },
    async (_, endpoint) => {
      const opened = await endpoint.open();
      const seen: Record<string, number> = {};
      for (const caller of Object.keys(CALLERS) as Caller[]) seen[caller] = await statusOf(opened, caller);
      expect(seen).toEqual(endpoint.expected);
      if (opened.done !== undefined) expect(opened.done()).toBe(1);
    },
  );
});

/** The answers to these lines, each sent after the answer to the one before. */
const talk = async (port: string, lines: readonly string[]): Promise<string[]> => {
  const socket = createConnection(Number(port), "127.0.0.1").setEncoding("utf8");
  onTestFinished(() => void socket.destroy());
  const answers: string[] = [];
  for (const line of ["", ...lines]) {
    if (line !== "") socket.write(`${line}\r\n`);
    const [answer] = (await once(socket, "data")) as [string];
    answers.push(answer.slice(0, 3));
  }
  return answers;
};

it("the mailbox takes mails of whoever knows its password, and none of a web page's form", async () => {
  const folder = join(temporaryFolder(), "mail");
  const mailbox = closing(await startMailbox(folder));
  const { port, username, password } = new URL(mailbox.url);
  const plain = (secret: string) => `AUTH PLAIN ${Buffer.from(`\0${username}\0${secret}`).toString("base64")}`;
  const mail = ["MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>"];
  expect(await talk(port, ["EHLO a", ...mail])).toEqual(["220", "250", "530", "530"]);
  expect(await talk(port, ["EHLO a", plain("wrong"), ...mail])).toEqual(["220", "250", "535", "530", "530"]);
  expect(await talk(port, ["POST / HTTP/1.1"])).toEqual(["220", "421"]);
  expect(readdirSync(folder)).toEqual([]);
  expect(await talk(port, ["EHLO a", plain(password), ...mail])).toEqual(["220", "250", "235", "250", "250"]);
});

it(
  "a worker's metrics are for other machines only where they are asked for by their own name",
  { timeout: TIME_OUT_MS },
  async () => {
    const { db, url: DATABASE_URL } = await createTestDatabase();
    const cwd = await makeHandlersProject(db);
    const start = async (env: Record<string, string>) => {
      const worker = startForgeq(["worker", "--metrics-port", "0"], { cwd, env: { DATABASE_URL, ...env } });
      await worker.said(/Metrics on/);
      return /Metrics on (\S+)/.exec(worker.stderr())?.[1] ?? "";
    };
    expect(await start({ FORGEQ_HOST: "0.0.0.0" })).toMatch(/^http:\/\/127\.0\.0\.1:/);
    const open = await start({ FORGEQ_METRICS_HOST: "0.0.0.0" });
    expect(open).toMatch(/^http:\/\/0\.0\.0\.0:/);
    const opened = { url: open.replace("0.0.0.0", "127.0.0.1"), method: "GET" };
    expect(await statusOf(opened, "rebound page that says no origin")).toBe(200);
    expect(await statusOf(opened, "page elsewhere")).toBe(403);
  },
);
