/** 200 clients that mean no good, of each kind as many: what they leave in memory, and what they get. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { queues } from "../../functions/queues.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { startForgeq, temporaryFolder } from "../support/cli/cli.ts";
import { memoryOf, SERVERS } from "../support/cli/servers.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { SECRET } from "../support/http/http.ts";

const EACH_KIND = 50;
const BODY_BYTES = 5_900_000;
const MOST_MB = 100;
/** Above what it held before any of them, beside what a server of Node alone still holds then. */
const BACK_MB = 20;

const head = (key: string, more: string): string =>
  `POST /jobs HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${more}\r\n`;

const BODY = Buffer.alloc(BODY_BYTES, " ");
const WRONG = "a-wrong-key-of-the-tests";

/** What a connection sends, none of it whole. */
const KINDS: Readonly<Record<string, (socket: Socket) => void>> = {
  "without a key": (socket) => {
    socket.write(head(WRONG, `content-length: ${BODY_BYTES + 1}\r\n`));
    socket.write(BODY);
  },
  "huge, of a length that nobody knows": (socket) => {
    socket.write(head(SECRET, "transfer-encoding: chunked\r\n"));
    socket.write(`${BODY_BYTES.toString(16)}\r\n`);
    socket.write(BODY);
  },
  dripping: (socket) => {
    socket.write(head(SECRET, "content-length: 100000\r\n"));
    const drip = setInterval(() => socket.write(" ".repeat(100)), 200);
    socket.on("close", () => clearInterval(drip));
  },
  "half-open": (socket) => socket.write("GET /jobs HTTP/1.1\r\nhost: 127.0.0.1\r\n"),
};

/** Opens them all, of each kind as many. `settled` says how many are answered or closed. */
const attack = async (origin: string) => {
  const answers = new Map<Socket, string>();
  const sockets: Socket[] = [];
  for (const send of Object.values(KINDS))
    for (let n = 0; n < EACH_KIND; n += 1) {
      const socket = connect(Number(new URL(origin).port), "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => undefined).on("data", (chunk: Buffer) => answers.set(socket, chunk.toString()));
      await once(socket, "connect");
      send(socket);
    }
  const destroy = () => sockets.forEach((socket) => socket.destroy());
  onTestFinished(destroy);
  return {
    destroy,
    settled: () => sockets.filter((socket) => socket.destroyed || answers.has(socket)).length,
    open: () => sockets.filter(({ destroyed }) => !destroyed).length,
    statuses: () => [...answers.values()].flatMap((text) => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? []),
  };
};

/** What stands on this machine before 200 clients: its origin, and what its process holds. */
interface Target {
  readonly origin: string;
  readonly megabytes: () => number;
}

const worker = async (url: string): Promise<Target> => {
  const args = ["worker", "--metrics-port", "0", "--no-scheduler"];
  const cli = startForgeq(args, { env: { DATABASE_URL: url, FORGEQ_REPORTS: temporaryFolder() } });
  await cli.said(/\/metrics/);
  const [, origin = ""] = /(http:\S+)\/metrics/.exec(cli.stderr()) ?? [];
  return { origin, megabytes: () => memoryOf(cli.child.pid!) };
};

const TARGETS: Readonly<Record<string, (databaseUrl: string) => Promise<Target>>> = { ...SERVERS, worker };

/** The same server without anything of ForgeQ: it refuses what comes before it reads it, and a body that is larger than a job. */
const BARE = `
const server = require("node:http").createServer(
  { keepAliveTimeout: 5_000, headersTimeout: 10_000, requestTimeout: 60_000, connectionsCheckingInterval: 2_000 },
  async (request, response) => {
    const refuse = () => response.writeHead(413, { connection: "close" }).end("no");
    if (Number(request.headers["content-length"] ?? 0) > 5_000_000) return refuse();
    let bytes = 0;
    try {
      for await (const chunk of request) if ((bytes += chunk.length) > 300_000) return refuse();
      response.end("ok");
    } catch {
      response.destroy();
    }
  },
);
server.listen(0, "127.0.0.1", () => console.log("http://127.0.0.1:" + server.address().port));`;

const bare = async (): Promise<Target> => {
  const child = spawn(process.execPath, ["-e", BARE], { stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { origin: line.toString().trim(), megabytes: () => memoryOf(child.pid!) };
};

/** What 200 clients make of a process: the most that it held, and what it holds a minute after the last one. */
const outlast = async ({ origin, megabytes }: Target) => {
  const answer = async () => (await fetch(`${origin}/health`)).status;
  // Its first requests load what they need.
  const first = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  for (let n = 0; n < 5; n += 1) await fetch(`${origin}/jobs`, first);
  await answer();
  const cold = megabytes();
  let most = cold;
  const watch = setInterval(() => (most = Math.max(most, megabytes())), 20);
  onTestFinished(() => clearInterval(watch));
  const clients = await attack(origin);
  expect(await answer()).toBe(200);
  await expect.poll(() => clients.open(), { timeout: 150_000, interval: 500 }).toBe(0);
  let left = megabytes() - cold;
  for (let seconds = 0; seconds < 60 && left > BACK_MB; seconds += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await answer()).toBe(200);
    left = megabytes() - cold;
  }
  return { cold, peak: most - cold, left, statuses: clients.statuses() };
};

/** Side by side: each is a process of its own, and most of the time nothing happens but that the clients drip and are waited for. */
it(
  "each of them keeps its memory before 200 hostile connections, and has it back a minute after them",
  { timeout: 400_000 },
  async () => {
    const targets: [string, Target][] = [];
    for (const [name, start] of Object.entries(TARGETS)) {
      const { db, url } = await createTestDatabase();
      await syncDefinitions(db, jobs, queues);
      targets.push([name, await start(url)]);
    }
    const platform = outlast(await bare());
    const all = await Promise.all(targets.map(async ([name, target]) => [name, await outlast(target)] as const));
    const node = await platform;
    for (const [name, ours] of all) {
      expect(
        ours.statuses.filter((status) => !/^(4\d\d|503)$/.test(status)),
        name,
      ).toEqual([]);
      expect(ours.statuses.length, name).toBeGreaterThan(0);
      expect(ours.peak, name).toBeLessThan(MOST_MB);
      // Node alone keeps as much or more of what it took for its first large bodies: 18 to 25 MB were seen.
      expect(ours.left, name).toBeLessThan(BACK_MB + Math.max(0, node.left));
    }
  },
);
