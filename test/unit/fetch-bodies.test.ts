/** What a fetch handler takes of bodies is bounded, as a server of node:http is. */
import { expect, it, vi } from "vitest";
import { fetchHandler } from "../../lib/http/fetch-adapter.ts";
import { httpFunction } from "../../lib/http/function.ts";
import type { Route } from "../../lib/http/router.ts";
import { anyBody } from "../support/http/bodies.ts";
import { ALL_SCOPES, SECRET } from "../support/http/http.ts";

const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };

const setup = (limits: Parameters<typeof fetchHandler>[1]) => {
  const post: Route = {
    ...{ method: "POST", path: "/things", scopes: ["jobs:write"], body: anyBody(1_000_000) },
    run: ({ body }) => Promise.resolve({ status: 200, body: { characters: JSON.stringify(body).length } }),
  };
  const handler = httpFunction({ logger }, ALL_SCOPES, () => [post]);
  const handle = fetchHandler(() => handler, limits);
  /** A body of these bytes; one that does not end waits for more. */
  const send = (text: string, { ends = true, headers = {} } = {}) => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from(text));
        if (ends) controller.close();
      },
      cancel: () => void (cancelled = true),
    });
    const request = new Request("http://127.0.0.1/things", {
      ...{ method: "POST", body, duplex: "half" },
      headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json", ...headers },
    });
    return { answer: handle(request), wasCancelled: () => cancelled };
  };
  return send;
};

const codeOf = async (answer: Promise<Response>) => ((await (await answer).json()) as { code: string }).code;

it("holds so many bytes of bodies that are being received, and no more", async () => {
  const send = setup({ mostBodyBytes: 1_000, quietMs: 300 });
  const held = send(`"${"x".repeat(800)}`, { ends: false });
  await new Promise((resolve) => setTimeout(resolve, 50));
  const second = send(JSON.stringify("y".repeat(800)));
  expect((await second.answer).status).toBe(503);
  expect(second.wasCancelled()).toBe(false);
  expect((await held.answer).status).toBe(408);
  // What was given up has left room.
  expect((await send(JSON.stringify("y".repeat(800))).answer).status).toBe(200);
});

it("gives up a body of which nothing comes, and takes no more of it", async () => {
  const { answer, wasCancelled } = setup({ quietMs: 50 })("{", { ends: false });
  expect(await codeOf(answer)).toBe("request_timeout");
  await expect.poll(wasCancelled).toBe(true);
});

it.each([
  [{ "content-type": "application/json; charset=utf-8" }, 200],
  [{ "content-type": 'application/json;charset="UTF8"' }, 200],
  [{ "content-type": "application/json; charset=utf-16" }, 415],
  [{ "content-type": "application/json; charset=iso-8859-1" }, 415],
  [{ "content-encoding": "Identity" }, 200],
  [{ "content-encoding": "gzip" }, 415],
])("%j is %d", async (headers, status) => {
  expect((await setup({})("{}", { headers }).answer).status).toBe(status);
});
