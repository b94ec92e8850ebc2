/** Key scope x route, cell by cell: each route of the code has its row here, and a new one without a row fails. */
import { describe, expect, it, vi } from "vitest";
import { type Scope, SCOPES } from "../../lib/http/api-keys.ts";
import { httpFunction } from "../../lib/http/function.ts";
import type { Route } from "../../lib/http/router.ts";
import { anyBody } from "../support/http/bodies.ts";
import { keysWith, SECRET, send } from "../support/http/http.ts";
import { allRoutes } from "../support/http/session.ts";

/** What each route needs. `-`: it is open; none: any key; after `?deep`, with `?deep=1`. */
const NEEDS: Record<string, readonly Scope[] | "-"> = {
  "POST /jobs": ["jobs:write"],
  "POST /jobs/batch": ["jobs:write"],
  "GET /jobs": ["jobs:read"],
  "GET /jobs/{id}": ["jobs:read"],
  "GET /jobs/{id}/attempts": ["jobs:read"],
  "GET /jobs/{id}/lives": ["jobs:read"],
  "POST /jobs/{id}/cancel": ["jobs:manage"],
  "POST /jobs/{id}/retry": ["jobs:manage"],
  "POST /jobs/{id}/reschedule": ["jobs:manage"],
  "POST /jobs/{id}/clone": ["jobs:write"],
  "DELETE /jobs/{id}": ["jobs:manage"],
  "POST /jobs/bulk": ["jobs:manage"],
  "GET /queues": ["jobs:read"],
  "GET /queues/{name}": ["jobs:read"],
  "PUT /queues/{name}": ["jobs:manage"],
  "DELETE /queues/{name}": ["jobs:manage"],
  "DELETE /queues/{name}/limits": ["jobs:manage"],
  "POST /queues/{name}/pause": ["jobs:manage"],
  "POST /queues/{name}/resume": ["jobs:manage"],
  "GET /schedules": ["jobs:read"],
  "POST /schedules": ["jobs:manage", "jobs:write"],
  "GET /schedules/{name}": ["jobs:read"],
  "PUT /schedules/{name}": ["jobs:manage", "jobs:write"],
  "DELETE /schedules/{name}": ["jobs:manage"],
  "POST /schedules/{name}/trigger": ["jobs:manage", "jobs:write"],
  "POST /schedules/preview": ["jobs:read"],
  "GET /overview": ["jobs:read"],
  "GET /stats": ["jobs:read"],
  "GET /jobs/counts": ["jobs:read"],
  "GET /errors": ["jobs:read"],
  "GET /leases": ["jobs:read"],
  "GET /workers": ["jobs:read"],
  "GET /types": ["jobs:read"],
  "GET /types/{type}": ["jobs:read"],
  "GET /metrics": ["metrics:read"],
  "GET /health": "-",
  "GET /health ?deep": ["metrics:read"],
  "GET /openapi.json": ["jobs:read"],
  "GET /dashboard": "-",
  "GET /dashboard/": "-",
  "GET /dashboard/{file}": "-",
  "GET /docs": "-",
  "GET /docs/{file}": "-",
  "GET /session": "-",
  "POST /session": "-",
  "DELETE /session": "-",
  "GET /me": [],
  "GET /keys": ["admin"],
  "POST /keys": ["admin"],
  "DELETE /keys/{key_id}": ["admin"],
};

const routes = allRoutes();

/** Those of the code, with routes that are reached replaced by one that says so: only the way to them is asked for. */
const reached: Route[] = routes.map((route) => ({
  ...route,
  ...(route.body !== undefined && { body: anyBody(route.body.maxBytes, { optional: true }) }),
  run: () => Promise.resolve({ status: 200, body: "reached", headers: { "content-type": "text/plain" } }),
}));

const rows = routes.flatMap((route) => {
  const name = `${route.method} ${route.path}`;
  return [
    { name, route, query: "" },
    ...(route.deepScope === undefined ? [] : [{ name: `${name} ?deep`, route, query: "deep=1" }]),
  ];
});

const statusWith = async (route: Route, query: string, scopes: readonly Scope[], headers = {}) => {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const handler = httpFunction({ logger }, keysWith(...scopes), () => reached);
  const path = route.path.replaceAll(/\{\w+\}/g, "x");
  const answer = await send(
    async (event, context) => {
      const { statusCode } = (await handler(event, context)) as { statusCode: number };
      return { statusCode, body: "{}" };
    },
    { method: route.method, path, query, headers },
  );
  return answer.status;
};

describe("key scope x route", () => {
  it("has a row for each route, and no other", () => {
    expect(rows.map(({ name }) => name).sort()).toEqual(Object.keys(NEEDS).sort());
  });

  it.each(rows)("$name", async ({ name, route, query }) => {
    const needed = NEEDS[name] ?? [];
    const isOpen = needed === "-";
    const cells = [
      [],
      [...SCOPES],
      ...SCOPES.map((scope) => [scope]),
      ...SCOPES.map((scope) => SCOPES.filter((each) => each !== scope)),
    ];
    for (const scopes of cells) {
      const may = isOpen || needed.every((scope) => scopes.includes(scope));
      expect({ scopes, status: await statusWith(route, query, scopes) }).toEqual({ scopes, status: may ? 200 : 403 });
    }
    for (const headers of [{ authorization: "" }, { authorization: `Bearer ${SECRET}x` }])
      expect(await statusWith(route, query, SCOPES, headers)).toBe(isOpen ? 200 : 401);
  });

  it("has an audit line for each route that changes something, but for enqueueing, and for no other", () => {
    const audited = routes.filter(({ audit }) => audit !== undefined);
    const left = new Set(["POST /jobs", "POST /jobs/batch", "DELETE /session", "POST /schedules/preview"]);
    const isLeft = ({ method, path }: Route) => method === "GET" || left.has(`${method} ${path}`);
    const changing = routes.filter((route) => !isLeft(route));
    const unchanging = routes.filter(isLeft);
    expect(audited).toEqual(changing);
    expect(changing.length + unchanging.length).toBe(routes.length);
    expect(new Set(audited.map(({ audit }) => audit)).size).toBe(audited.length);
  });
});
