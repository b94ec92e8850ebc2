/** A world with a database, a mail server and keys, and what a scenario does with them. */
import { createHash, randomUUID } from "node:crypto";
import { expect, inject, onTestFinished } from "vitest";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { temporaryFolder } from "../../support/cli/start-local.ts";
import { startMailServer } from "../../support/servers/mail-server.ts";
import { KMS_KEY, SECRET_ARN, TEMPLATE_DATABASE } from "./global-setup.ts";
import { startRelay } from "./network.ts";
import { readTemplate } from "./template.ts";
import { startWorld, type WorldOptions } from "./world.ts";

/** The long run takes the time that the world's faults really take: `npm run test:lambda:long`. */
export const LONG = process.env["FORGEQ_WORLD"] === "long";
/** Lambda's pauses and EventBridge's minute. */
const PACE = LONG ? 1 : 1 / 20;

export const SECRET = "a-secret-of-the-world";
const SCOPES = ["jobs:write", "jobs:read", "jobs:manage", "payloads:read", "metrics:read"];

export const keysOf = (...secrets: readonly string[]): string =>
  JSON.stringify(
    secrets.map((secret) => ({
      id: secret.slice(-20),
      sha256: createHash("sha256").update(secret).digest("hex"),
      scopes: SCOPES,
    })),
  );

export interface SceneOptions extends Partial<Omit<WorldOptions, "template" | "folder" | "parameters">> {
  /** Which of the two packages; `dev` unless given. */
  readonly stage?: "dev" | "prod";
}

/** A login of the functions, who may do what each of their parts may. */
const makeRole = async (admin: Awaited<ReturnType<typeof connectDb>>, role: string): Promise<void> => {
  await admin.query(`create role ${role} login password 'first'`);
  await admin.query(`grant forgeq_enqueue, forgeq_worker, forgeq_manage, forgeq_read to ${role}`);
};

/** A mail server that lets mails wait, and knows which job each one is of. */
const startGatedMail = async () => {
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const sent = new Map<string, number>();
  const server = await startMailServer({
    onData: (stream, _session, callback) => {
      let raw = "";
      stream.on("data", (part: Buffer) => (raw += part.toString()));
      stream.on("end", () => {
        const [, id = "none"] = /^Message-ID: <([^@>]*)/im.exec(raw) ?? [];
        void gate.promise.then(() => {
          sent.set(id, (sent.get(id) ?? 0) + 1);
          callback();
        });
      });
    },
  });
  return {
    url: server.url,
    /** How often a mail of each job went out. */
    sent,
    hold: () => void (gate = Promise.withResolvers()),
    letGo: () => gate.resolve(),
    close: () => server.close(),
  };
};

interface LogLine {
  readonly level?: string;
  readonly message?: string;
  readonly reason?: string;
}

/** A line of a function's log; one that is no JSON is an error of the runtime's client. */
const parsed = (text: string): LogLine => {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { level: "ERROR", message: text };
  }
};

export const setup = async ({ stage = "dev", ...options }: SceneOptions = {}) => {
  const { adminUrl, port, caFile, dev, prod, code } = inject("prepared");
  const folder = temporaryFolder();
  const [name, role] = [`world_${randomUUID().slice(0, 8)}`, `role_${randomUUID().slice(0, 8)}`];
  const admin = await connectDb({ url: `${adminUrl}postgres`, statementSeconds: 60 });
  await admin.query(`create database ${name} template ${TEMPLATE_DATABASE}`);
  await makeRole(admin, role);
  const db = await connectDb({ url: adminUrl + name, statementSeconds: 60 });
  const relay = await startRelay(port);
  const mail = await startGatedMail();
  const urlOf = (password: string) => `postgres://${role}:${password}@localhost:${relay.port}/${name}?sslmode=require`;
  const rds = (password: string) =>
    JSON.stringify({ username: role, password, host: "localhost", port: relay.port, dbname: name });
  const parameter = (of: string) => `/forgeq/${stage}/${of}`;
  const world = await startWorld({
    template: readTemplate(stage === "dev" ? dev : prod),
    code,
    folder: folder.path,
    parameters: {
      [parameter("database-url")]: stage === "dev" ? urlOf("first") : `postgres://localhost/x?sslmode=require`,
      [parameter("api-keys")]: keysOf(SECRET),
      [parameter("smtp-url")]: mail.url,
    },
    secrets: { [SECRET_ARN]: rds("first") },
    ...(stage === "prod" ? { kmsKey: KMS_KEY } : {}),
    pace: PACE,
    ...options,
    variables: { FORGEQ_DATABASE_CA: caFile, ...options.variables },
  });
  onTestFinished(async () => {
    mail.letGo();
    await world.stop();
    relay.close();
    await mail.close();
    await db.close();
    await admin.query(`drop database ${name} with (force)`);
    await admin.query(`drop role ${role}`);
    await admin.close();
    folder.remove();
  });

  const request = (method: string, path: string, body?: unknown, secret = SECRET) =>
    world.http({ method, path, body, headers: { authorization: `Bearer ${secret}` } });
  const states = async (): Promise<Record<string, number>> => {
    const rows = await db.query<{ state: string; n: number }>(
      "select state::text, count(*)::int as n from forgeq.jobs group by 1",
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  };
  const enqueue = async (count: number): Promise<string[]> => {
    const jobs = Array.from({ length: count }, (_, n) => ({
      type: "send_email",
      payload: { email: `a${n}@example.com`, subject: `${n}` },
    }));
    const { status, body } = await request("POST", "/jobs/batch", { jobs });
    expect({ status, body: status === 201 ? "" : JSON.stringify(body) }).toEqual({ status: 201, body: "" });
    return (body.jobs as { readonly id: string }[]).map(({ id }) => id);
  };

  return {
    ...world,
    db,
    admin,
    role,
    mail,
    relay,
    parameter,
    urlOf,
    rds,
    request,
    states,
    enqueue,
    /** Mails at a time: ten are one lease. */
    limit: (most: number) => db.query("update forgeq.queue set max_in_flight = $1 where name = 'emails'", [most]),
    /** What was logged as a warning or an error, each once, without what varies. */
    warnings: (): string[] => [
      ...new Set(
        world.lines.flatMap((line) => {
          const [, key = "", text = ""] = /^(\S+): (.*)$/.exec(line) ?? [];
          const { level, message, reason = "" } = parsed(text);
          return level === "WARN" || level === "ERROR" ? [`${key}: ${message} ${reason}`.trim()] : [];
        }),
      ),
    ],
    /** Until so many leases are begun and not ended. */
    leasesRun: (count: number) =>
      expect
        .poll(
          async () => {
            const [row] = await db.query<{ n: number }>(
              "select count(*)::int as n from forgeq.lease where began_at is not null",
            );
            return row!.n >= count;
          },
          { timeout: 60_000, interval: 50 },
        )
        .toBe(true),
    /** @param seconds - to wait for it at most */
    completed: (count: number, seconds = 60) =>
      expect.poll(states, { timeout: seconds * 1000, interval: 100 }).toEqual({ completed: count }),
  };
};

export type Scene = Awaited<ReturnType<typeof setup>>;

export interface Honesty {
  /** Jobs with more than one mail. */
  readonly again: number;
  /** Attempts of leases that were killed, that expired, or whose time was up: as often may an effect have happened twice. */
  readonly interrupted: number;
}

/**
 * Each job ended in its first life, each of its mails beyond the first has an ended attempt of its job that explains it, and no more jobs had one than
 * leases in the middle of their work were lost with.
 */
export const expectHonest = async (scene: Scene, ids: readonly string[]): Promise<Honesty> => {
  const lives = await scene.db.query<{ id: string; life: number; state: string }>(
    "select id, life, state::text from forgeq.job_history",
  );
  expect(lives.filter(({ state, life }) => state !== "completed" || life > 1)).toEqual([]);
  expect(lives.length).toBe(ids.length);
  const attempts = await scene.db.query<{ id: string; n: number; interrupted: number }>(
    // A mail server that is held for 20 s is given up: its answer is lost.
    `select job_id as id, count(*)::int as n,
            count(*) filter (where outcome in ('lease_expired', 'timed_out') or error::text ~* 'timeout')::int as interrupted
     from forgeq.job_attempt where began_at is not null group by 1`,
  );
  const ended = new Map(attempts.map(({ id, n }) => [id, n]));
  const unexplained = ids.filter((id) => (scene.mail.sent.get(id) ?? 0) - 1 > (ended.get(id) ?? 0));
  expect(unexplained).toEqual([]);
  expect(ids.filter((id) => !scene.mail.sent.has(id))).toEqual([]);
  const again = ids.filter((id) => (scene.mail.sent.get(id) ?? 0) > 1).length;
  const interrupted = attempts.reduce((sum, each) => sum + each.interrupted, 0);
  expect(again).toBeLessThanOrEqual(interrupted);
  return { again, interrupted };
};
