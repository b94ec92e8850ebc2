import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { refuseUnread } from "../../lib/http/unread.ts";

/** What a server sends on a connection until it is closed, where it was sent a text. */
const serve = async (answer: (response: ServerResponse) => void = (response) => response.end("ok")) => {
  const server = createServer((request, response) => {
    request.on("error", () => undefined).resume();
    answer(response);
  });
  refuseUnread(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return async (text: string): Promise<string> => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    let received = "";
    socket.on("error", () => undefined).on("data", (chunk: Buffer) => (received += chunk.toString()));
    socket.write(text);
    await once(socket, "close");
    return received;
  };
};

const HEAD = "GET /jobs HTTP/1.1\r\nhost: a\r\n";
const CHUNKED = "POST /jobs HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

it.each([
  ["no HTTP", "hello\r\n\r\n", 400, "malformed_request"],
  ["a path with a NUL", "GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n", 400, "malformed_request"],
  ["two lengths", `${HEAD}content-length: 1\r\ncontent-length: 2\r\n\r\n`, 400, "malformed_request"],
  ["a length and chunks", `${HEAD}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`, 400, "malformed_request"],
  ["headers of 20 KB", `${HEAD}x-large: ${"x".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
])("refuses %s with a problem", async (_, text, status, code) => {
  const send = await serve();
  const [head = "", body = ""] = (await send(text)).split("\r\n\r\n");
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(head).toContain("content-type: application/problem+json");
  expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
  const problem = JSON.parse(body) as { request_id: string };
  expect(problem).toMatchObject({ status, code });
  expect(head).toContain(`x-request-id: ${problem.request_id}`);
});

it("refuses a body that breaks while it is read", async () => {
  const send = await serve(() => undefined);
  expect(await send(`${CHUNKED}zz\r\n`)).toContain('"code":"malformed_request"');
});

it("sends no refusal in the place, or in the middle, of the answer to an earlier request", async () => {
  const late = await serve(() => undefined);
  expect(await late(`${HEAD}\r\nhello\r\n\r\n`)).toBe("");
  const begun = await serve((response) => response.write("begun"));
  expect(await begun(`${HEAD}\r\nhello\r\n\r\n`)).not.toContain("problem");
});
