import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { described, openapiDocument } from "../../lib/http/openapi.ts";
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
    for (const { id, method, path } of described)
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
    for (const { type } of jobs)
      expect(openapi.components.schemas[`NewJob.${type}`]).toMatchObject({ additionalProperties: false });
  });

  it("is of this package's version, and is reached below the base path", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(openapiDocument(jobs)).toMatchObject({ info: { version }, servers: [{ url: "/" }] });
    expect(openapiDocument(jobs, "/queue")).toMatchObject({ servers: [{ url: "/queue" }] });
  });

  it("describes a job of a project without job types", () => {
    const { components } = JSON.parse(JSON.stringify(openapiDocument([]))) as OpenApi;
    expect(components.schemas["NewJob"]).toMatchObject({ type: "object", required: ["type", "payload"] });
  });

  it("says what each operation needs and answers, and which integers it takes", () => {
    for (const { id, scopes, method, path } of described) {
      const operation = operationOf(openapi, method, path) as unknown as Record<string, unknown>;
      expect(operation).toMatchObject({ operationId: id, "x-scopes": scopes });
      expect(String(operation["description"])).toContain(scopes.join(" and "));
    }
    expect(operationOf(openapi, "GET", "/queues")?.parameters).toContainEqual({
      name: "limit",
      in: "query",
      schema: { type: "integer", minimum: 1, maximum: 100 },
    });
  });

  it("has examples that fit their schemas", () => {
    const components = Object.values(openapi.components.schemas);
    const shown = components.filter((schema) => "examples" in schema);
    expect(shown.length).toBeGreaterThan(3);
    for (const schema of shown)
      for (const example of schema["examples"] as unknown[]) expect(violations(openapi, schema, example)).toEqual([]);
    for (const { method, path, body } of operations) {
      const content = operationOf(openapi, method, path)?.requestBody?.content["application/json"];
      const examples = Object.values((content as { examples?: Record<string, { value: unknown }> })?.examples ?? {});
      expect([path, examples.length]).toEqual([path, body === undefined ? 0 : 1]);
      for (const { value } of examples) expect(violations(openapi, content?.schema ?? {}, value)).toEqual([]);
    }
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
