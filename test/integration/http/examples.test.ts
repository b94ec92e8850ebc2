import { expect, it } from "vitest";
import { queues } from "../../../functions/queues.ts";
import { jobs } from "../../../functions/registry.ts";
import { operations } from "../../../lib/http/operations.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import { ROOT } from "../../support/cli/cli.ts";
import { startServer } from "../../support/cli/project.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { SECRET } from "../../support/http/http.ts";

interface Document {
  readonly paths: Record<string, Record<string, { requestBody?: { content: Record<string, { examples: { example: { value: unknown } } }> } }>>; // prettier-ignore
}

/** A server with a finished job, which can be retried. */
const setup = async () => {
  const { db, url } = await createTestDatabase();
  await syncDefinitions(db, jobs, queues);
  const { origin, post } = await startServer(ROOT, {
    DATABASE_URL: url,
    FORGEQ_SECRET: Buffer.alloc(32, 1).toString("base64url"),
  });
  const { id } = (await (await post("/jobs", { type: "crawl_page", payload: { url: "https://example.com/" }, delay_seconds: 900 })).json()) as { id: string }; // prettier-ignore
  expect((await post(`/jobs/${id}/cancel`, {})).status).toBe(200);
  const send = (method: string, path: string, body?: unknown) =>
    fetch(origin + path, {
      method,
      headers: { "x-forgeq-dashboard": "1", authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return { id, send };
};

it("the examples of the OpenAPI document are taken by a server", { timeout: 60_000 }, async () => {
  const { id, send } = await setup();
  const { paths } = (await (await send("GET", "/openapi.json")).json()) as Document;
  const names: Record<string, string> = { schedules: "daily", queues: "emails" };
  for (const { id: operation, method, path, tag, body, answers } of operations) {
    if (body === undefined) continue;
    const { requestBody } = paths[path]![method.toLowerCase()]!;
    const { value } = requestBody!.content["application/json"]!.examples.example;
    const sent = operation === "signIn" ? { key: SECRET } : value;
    const answer = await send(method, path.replace("{id}", id).replace("{name}", names[tag] ?? ""), sent);
    const text = await answer.text();
    expect([Object.keys(answers), text]).toEqual([expect.arrayContaining([String(answer.status)]), text]);
  }
});
