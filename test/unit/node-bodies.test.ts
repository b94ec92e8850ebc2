/** What a client sends is read when its route and key are known, to the route's limit, and no further. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";
import { httpFunction } from "../../lib/http/function.ts";
import { nodeListener } from "../../lib/http/node-adapter.ts";
import { collect, type Source } from "../../lib/http/request-body.ts";
import type { Route } from "../../lib/http/router.ts";
import { anyBody } from "../support/http/bodies.ts";
import { ALL_SCOPES, SECRET } from "../support/http/http.ts";

const MAX_BYTES = 1_000_000;
const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };

const serve = async (options: Parameters<typeof nodeListener>[1] = {}) => {
  const post: Route = {
    method: "POST",
    path: "/things",
    scopes: ["jobs:write"],
    body: anyBody(MAX_BYTES),
    run: ({ body }) => Promise.resolve({ status: 200, body: { characters: JSON.stringify(body).length } }),
  };
  const handler = httpFunction({ logger }, ALL_SCOPES, () => [post]);
  const listener = nodeListener(() => handler, options);
  const server = createServer((request, response) => void listener(request, response));
  const sockets: Socket[] = [];
  server.on("connection", (socket) => void sockets.push(socket));
  server.on("checkContinue", (request, response) => void listener(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
};

/** Sends the head and the beginning of a body that never ends, and gives the answer. */
const begin = async (
  port: number,
  { method = "POST", path = "/things", key = SECRET, headers = {}, bytes = 10 } = {},
): Promise<IncomingMessage> => {
  const request = httpRequest({
    ...{ port, method, path },
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
  });
  request.on("error", () => undefined);
  request.write(Buffer.alloc(bytes, " "));
  onTestFinished(() => void request.destroy());
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
};

const codeOf = async (response: IncomingMessage): Promise<string> =>
  (JSON.parse(Buffer.concat(await response.toArray()).toString()) as { code: string }).code;

it.each([
  [{ key: "a-wrong-key-of-the-tests" }, 401, "unauthorized"],
  [{ path: "/nowhere" }, 404, "not_found"],
  [{ method: "PUT" }, 405, "method_not_allowed"],
  [{ headers: { "content-length": String(MAX_BYTES + 1) } }, 413, "payload_too_large"],
  [{ bytes: MAX_BYTES + 1 }, 413, "payload_too_large"],
])("answers before the body has come, and ends the connection: %j", async (request, status, code) => {
  const { port } = await serve();
  const response = await begin(port, request);
  expect(response.statusCode).toBe(status);
  expect(response.headers.connection).toBe("close");
  expect(await codeOf(response)).toBe(code);
});

it("asks nobody for a body whose key is wrong: 100-continue", async () => {
  const { port } = await serve();
  const ask = async (key: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.write(
      `POST /things HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n` +
        "content-length: 2\r\nexpect: 100-continue\r\n\r\n",
    );
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.toString().split("\r\n")[0] ?? "";
  };
  expect(await ask(SECRET)).toBe("HTTP/1.1 100 Continue");
  expect(await ask("a-wrong-key-of-the-tests")).toBe("HTTP/1.1 401 Unauthorized");
});

it("gives up a body of which nothing comes any more", async () => {
  const { port } = await serve({ quietMs: 50 });
  const response = await begin(port, {});
  expect([response.statusCode, response.headers.connection]).toEqual([408, "close"]);
  expect(await codeOf(response)).toBe("request_timeout");
});

it("holds so many bytes of bodies that are coming in at most, and is free again afterwards", async () => {
  const { port, sockets } = await serve({ mostBodyBytes: 1_500_000, quietMs: 4_000 });
  const holding = begin(port, { bytes: 900_000 });
  await expect.poll(() => sockets[0]?.bytesRead ?? 0).toBeGreaterThan(900_000);
  const refused = await begin(port, { bytes: 900_000 });
  const held = await holding;
  expect(refused.statusCode).toBe(503);
  expect(await codeOf(refused)).toBe("busy");
  expect(held.statusCode).toBe(408);
  const response = await fetch(`http://127.0.0.1:${port}/things`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    body: JSON.stringify("x".repeat(900_000)),
  });
  expect(await response.json()).toEqual({ characters: 900_002 });
});

it("takes several requests with small bodies over one connection, refused ones among them", async () => {
  const { port } = await serve();
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const send = (key: string) =>
    `POST /things HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`;
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.write(send("a-wrong-key-of-the-tests"));
  await expect.poll(() => text).toContain("401");
  socket.write(send(SECRET));
  await expect.poll(() => text).toContain("200 OK");
});

it("counts what it holds once, however a body ends", async () => {
  const budget = { heldBytes: 0, mostBytes: 100 };
  const limits = { maxBytes: 10, quietMs: 60_000 };
  const broken = new Error("the connection broke");
  const freed: number[] = [];
  const bodyOf = (send: Source<Buffer>) => collect(send, budget, limits, ({ length }) => freed.push(length));
  const whole = bodyOf(({ chunk, end, fail }) => {
    process.nextTick(() => {
      chunk(Buffer.alloc(4));
      chunk(Buffer.alloc(5));
      end();
      fail(broken);
    });
    return () => undefined;
  });
  expect((await whole).length).toBe(9);
  const cut = bodyOf(({ chunk, fail }) => {
    process.nextTick(() => {
      chunk(Buffer.alloc(6));
      fail(broken);
      fail(broken);
    });
    return () => undefined;
  });
  await expect(cut).rejects.toBe(broken);
  expect([budget.heldBytes, freed]).toEqual([0, [4, 5, 6]]);
});

it("gives up a body whose client hangs up in the middle of it", async () => {
  const { port, sockets } = await serve({ mostBodyBytes: 1_500_000 });
  const request = httpRequest({
    ...{ port, method: "POST", path: "/things" },
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
  });
  request.on("error", () => undefined);
  request.write(Buffer.alloc(900_000, " "));
  await expect.poll(() => sockets[0]?.bytesRead ?? 0).toBeGreaterThan(900_000);
  request.destroy();
  // There would be no room for both.
  const response = await fetch(`http://127.0.0.1:${port}/things`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
    body: JSON.stringify("x".repeat(900_000)),
  });
  expect(response.status).toBe(200);
});
