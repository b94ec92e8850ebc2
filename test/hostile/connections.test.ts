/** 200 clients that mean no good, of each kind as many: what they leave in memory, and what they get. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { queues } from "../../functions/queues.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { SERVERS } from "../support/cli/servers.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { SECRET } from "../support/http/http.ts";

const EACH_KIND = 50;
const BODY_BYTES = 5_900_000;
const MOST_MB = 100;
/** Node keeps some memory of a second round: 21 MB were seen. A leak of its bodies would be more. */
const LEFT_MB = 35;

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

it.each(Object.entries(SERVERS))(
  "%s keeps its memory before 200 hostile connections, and has it back after them",
  { timeout: 400_000 },
  async (_, start) => {
    const { db, url } = await createTestDatabase();
    await syncDefinitions(db, jobs, queues);
    const server = await start(url);
    const health = async () => (await fetch(`${server.origin}/health`)).status;
    expect((await server.post("/jobs", "{}")).status).toBe(422);
    const cold = server.megabytes();
    let most = cold;
    const watch = setInterval(() => (most = Math.max(most, server.megabytes())), 20);
    onTestFinished(() => clearInterval(watch));

    // What a process takes once for its first large bodies it keeps; another round must leave nothing more.
    const first = await attack(server.origin);
    await expect.poll(first.settled, { timeout: 60_000 }).toBeGreaterThan(EACH_KIND);
    expect(await health()).toBe(200);
    first.destroy();
    await expect.poll(() => server.megabytes(), { timeout: 60_000 }).toBeLessThan(cold + MOST_MB);
    const idle = server.megabytes();

    const second = await attack(server.origin);
    expect(await health()).toBe(200);
    await expect.poll(second.open, { timeout: 150_000, interval: 500 }).toBe(0);
    const statuses = [...first.statuses(), ...second.statuses()];
    expect(statuses.filter((status) => !/^(4\d\d|503)$/.test(status))).toEqual([]);
    expect(statuses.length).toBeGreaterThan(0);
    expect(most - cold).toBeLessThan(MOST_MB);
    const left = async () => {
      expect(await health()).toBe(200);
      return server.megabytes() - idle;
    };
    await expect.poll(left, { timeout: 90_000, interval: 1_000 }).toBeLessThan(LEFT_MB);
    expect(server.isAlive()).toBe(true);
  },
);
