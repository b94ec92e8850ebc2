/** `forgeq server` before clients that mean no good: its memory stays, it answers others, and it drops who sends nothing. */
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { startServer } from "../../support/cli/project.ts";
import { SECRET } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const TIME_OUT_MS = 120_000;
const HOSTILE = 200;
const SENT_BYTES = 5_900_000;
const MOST_MB = 100;

const serve = async () => {
  const { url } = await setup();
  const server = await startServer(process.cwd(), { DATABASE_URL: url, FORGEQ_API_KEY: SECRET });
  onTestFinished(async () => {
    server.child.kill("SIGKILL");
    await server.ended;
  });
  const megabytes = (): number =>
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, "utf8"))?.[1]) / 1024;
  const sockets: Socket[] = [];
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  /** A connection that sends this head and goes on as `then` says. Whether it is closed can be asked. */
  const open = async (head: string, then: (socket: Socket) => void = () => undefined) => {
    const socket = connect(Number(new URL(server.origin).port), "127.0.0.1");
    sockets.push(socket);
    const state = { closed: false, answer: "" };
    socket.on("error", () => undefined).on("close", () => (state.closed = true));
    socket.on("data", (chunk: Buffer) => (state.answer += chunk.toString()));
    await once(socket, "connect");
    socket.write(head);
    then(socket);
    return state;
  };
  return { server, megabytes, open };
};

const head = (key: string, more = "") =>
  `POST /jobs HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n${more}\r\n`;

it.each([
  ["a-wrong-key-of-the-tests", `content-length: ${SENT_BYTES + 1}\r\n`, /401 Unauthorized/],
  ["a-wrong-key-of-the-tests", "transfer-encoding: chunked\r\n", /401 Unauthorized/],
  [SECRET, `content-length: ${SENT_BYTES + 1}\r\n`, /413 Payload Too Large/],
])(
  "200 connections that each send 5.9 MB and never end take no memory: key %s, %j",
  async (key, framing, answer) => {
    const { server, megabytes, open } = await serve();
    expect((await server.post("/jobs", "{}")).status).toBe(422);
    const idle = megabytes();
    let most = idle;
    const watch = setInterval(() => (most = Math.max(most, megabytes())), 20);
    onTestFinished(() => clearInterval(watch));
    const chunk = Buffer.alloc(SENT_BYTES, " ");
    const states = await Promise.all(
      Array.from({ length: HOSTILE }, () =>
        open(head(key, framing), (socket) => {
          if (framing.startsWith("transfer")) socket.write(`${SENT_BYTES.toString(16)}\r\n`);
          socket.write(chunk);
        }),
      ),
    );
    await expect.poll(() => states.filter(({ closed }) => !closed).length, { timeout: 60_000 }).toBe(0);
    expect(states.filter((state) => state.answer !== "" && !answer.test(state.answer))).toEqual([]);
    expect(states.some((state) => answer.test(state.answer))).toBe(true);
    expect(most - idle).toBeLessThan(MOST_MB);
    expect((await fetch(`${server.origin}/health`)).status).toBe(200);
  },
  TIME_OUT_MS,
);

it("what is no HTTP is refused with a problem", async () => {
  const { open } = await serve();
  const state = await open("hello\r\n\r\n");
  await expect.poll(() => state.closed, { timeout: 10_000 }).toBe(true);
  expect(state.answer).toMatch(/^HTTP\/1.1 400 Bad Request\r\ncontent-type: application\/problem\+json/);
});

it(
  "connections that send nothing, or half a head, or stop in the middle of a body, are closed",
  async () => {
    const { server, open } = await serve();
    const states = await Promise.all([
      open(""),
      open("GET /jobs HTTP/1.1\r\nhost: a\r\n"),
      open(head(SECRET, "content-length: 100\r\n"), (socket) => void socket.write("{")),
    ]);
    await expect.poll(() => states.map(({ closed }) => closed), { timeout: 60_000 }).toEqual([true, true, true]);
    expect(states[2]?.answer).toContain("408 Request Timeout");
    expect((await fetch(`${server.origin}/health`)).status).toBe(200);
  },
  TIME_OUT_MS,
);
