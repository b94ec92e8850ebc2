import { describe, expect, it } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { openapiDocument } from "../../lib/http/openapi.ts";
import { gatewayRoutes, operations } from "../../lib/http/operations.ts";
import { type OpenApi, operationOf, violations } from "../support/http/openapi.ts";
import { allRoutes } from "../support/http/session.ts";

const openapi = JSON.parse(JSON.stringify(openapiDocument(jobs))) as OpenApi;
const routes = allRoutes();

const schemaOf = (method: string, path: string) =>
  operationOf(openapi, method, path)?.requestBody?.content["application/json"]?.schema ?? {};

describe("the OpenAPI document", () => {
  it("describes every route of the functions, with its id, and nothing else", () => {
    const of = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;
    expect(operations.map(of).sort()).toEqual(routes.map(of).sort());
    for (const { id, method, path } of operations)
      expect(operationOf(openapi, method, path)).toMatchObject({ operationId: id });
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
  });

  it("is reachable: the gateway leads each operation to its function, and all else that begins so to api", () => {
    const enqueue = gatewayRoutes("enqueue");
    const api = gatewayRoutes("api");
    for (const { method, path, ...operation } of operations) {
      const isEnqueue = operation.function === "enqueue";
      expect(enqueue.includes(`${method} ${path}`)).toBe(isEnqueue);
      const [, root = "", ...more] = path.split("/");
      expect(api).toContain(more.length === 0 ? `ANY /${root}` : `ANY /${root}/{proxy+}`);
    }
  });

  it("has no reference that leads nowhere", () => {
    const names = [...JSON.stringify(openapi).matchAll(/#\/components\/schemas\/([^"]+)/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(20);
    expect(Object.keys(openapi.components.schemas)).toEqual(expect.arrayContaining(names));
  });

  it.each([
    [{ type: "send_email", payload: { email: "a@example.com" } }],
    [
      {
        type: "crawl_page",
        payload: { url: "https://example.com/" },
        priority: 0,
        unique_key: "x",
        metadata: { a: [1] },
      },
    ],
    [{ type: "send_email", payload: { email: "a@example.com" }, run_at: "2030-01-31T08:00:00+02:00", max_attempts: 1 }],
  ])("takes %j as a job", (body) => {
    expect(violations(openapi, schemaOf("POST", "/jobs"), body)).toEqual([]);
    expect(violations(openapi, schemaOf("POST", "/jobs/batch"), { jobs: [body] })).toEqual([]);
  });

  it("takes no unknown fields of a job", () => {
    expect(openapi.components.schemas["NewJob"]).toMatchObject({ additionalProperties: false });
  });

  it.each([
    [{ type: "send_email" }],
    [{ type: "send_email", payload: { email: "nobody" } }],
    [{ type: "Send", payload: {} }],
    [{ type: "send_email", payload: { email: "a@example.com" }, priority: 10 }],
  ])("refuses %j as a job", (body) => {
    expect(violations(openapi, schemaOf("POST", "/jobs"), body)).not.toEqual([]);
  });
});
