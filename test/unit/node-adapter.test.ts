import { once } from "node:events";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { expect, it, onTestFinished } from "vitest";
import { ForgeqError } from "../../lib/core/errors.ts";
import type { RawBody } from "../../lib/http/body.ts";
import type { HttpContext } from "../../lib/http/middleware.ts";
import { nodeListener } from "../../lib/http/node-adapter.ts";
import type { HttpHandler } from "../../lib/http/stack.ts";

type Answer = Awaited<ReturnType<HttpHandler>>;

/** A server around one function that reads each body, the events that it was called with, and the bodies. */
const serve = async (answer: (event: APIGatewayProxyEventV2) => Answer | Promise<Answer>) => {
  const events: APIGatewayProxyEventV2[] = [];
  const bodies: (RawBody | undefined)[] = [];
  const handler = (async (event: APIGatewayProxyEventV2, { readBody }: HttpContext) => {
    events.push(event);
    bodies.push(await readBody?.(1_000_000));
    return answer(event);
  }) as HttpHandler;
  const listener = nodeListener(() => handler);
  const ended: unknown[] = [];
  const server = createServer(
    (request, response) => void listener(request, response).then(() => ended.push(null), (error) => ended.push(error)), // prettier-ignore
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, events, bodies, ended };
};

const ok: Answer = { statusCode: 200, headers: { "content-type": "application/json" }, body: '"ü"' };

it("gives the function the request as API Gateway does", async () => {
  const { url, events, bodies } = await serve(() => ok);
  const body = new Uint8Array([0, 255, 123]);
  const response = await fetch(`${url}/jobs/a%2Fb?state=dead&state=x%20y`, { method: "PUT", body, headers: { "X-Mixed": "Case" } }); // prettier-ignore
  expect([response.status, await response.text()]).toEqual([200, '"ü"']);
  expect(events).toMatchObject([
    {
      version: "2.0",
      rawPath: "/jobs/a%2Fb",
      rawQueryString: "state=dead&state=x%20y",
      headers: { "x-mixed": "Case" },
      requestContext: { http: { method: "PUT", path: "/jobs/a%2Fb", sourceIp: "127.0.0.1" } },
      isBase64Encoded: false,
    },
  ]);
  expect(bodies).toEqual([{ body: Buffer.from(body) }]);
});

it("gives no body where there is none, and the whole of one that comes in pieces", async () => {
  const { url, port, bodies } = await serve(() => ok);
  await fetch(`${url}/jobs`);
  const pieces = httpRequest({ port, method: "POST", path: "/jobs" });
  for (const piece of ['{"a":', "1", "}"]) pieces.write(piece);
  pieces.end();
  await once(pieces, "response");
  expect(bodies).toEqual([{}, { body: Buffer.from('{"a":1}') }]);
});

it.each([
  [new ForgeqError("database_unavailable", "away"), 503],
  [new Error("a secret of the function"), 500],
])("answers a function that breaks with a problem, and says nothing of an unknown error: %s", async (error, status) => {
  const { url } = await serve(() => Promise.reject(error));
  const response = await fetch(`${url}/jobs`);
  const text = await response.text();
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(JSON.parse(text)).toMatchObject({ status, request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(text).not.toContain("secret");
});

it("outlives a client that hangs up before or while it is answered", async () => {
  let hangUp: (() => void) | undefined;
  const { url, port, ended } = await serve(async () => {
    hangUp?.();
    await new Promise((resolve) => setImmediate(resolve));
    return ok;
  });
  const early = httpRequest({ port, method: "POST", path: "/jobs", headers: { "content-length": "10" } });
  early.on("error", () => undefined);
  early.write("12345", () => early.destroy());
  await expect.poll(() => ended.length, { timeout: 10_000 }).toBe(1);
  const late = httpRequest({ port, path: "/jobs" });
  late.on("error", () => undefined);
  hangUp = () => late.destroy();
  late.end();
  await expect.poll(() => ended.length, { timeout: 10_000 }).toBe(2);
  hangUp = undefined;
  expect((await fetch(`${url}/jobs`)).status).toBe(200);
  expect(ended).toEqual([null, null, null]);
});
