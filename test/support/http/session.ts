import { createHash, randomBytes } from "node:crypto";
import { vi } from "vitest";
import { apiRoutes } from "../../../lib/functions/create-api.ts";
import { enqueueRoutes } from "../../../lib/functions/create-enqueue.ts";
import { jobs } from "../../../functions/registry.ts";
import { type Scope, SCOPES } from "../../../lib/http/api-keys.ts";
import { httpFunction } from "../../../lib/http/function.ts";
import { createKeyRing } from "../../../lib/http/key-ring.ts";
import type { Route } from "../../../lib/http/router.ts";
import type { HttpHandler } from "../../../lib/http/stack.ts";
import { CONTEXT, eventOf, SECRET, type TestRequest } from "./http.ts";

const types = () => Promise.resolve(jobs);

export const noDeps = () => Promise.reject(new Error("not called"));
export const noRing = createKeyRing({ read: noDeps, log: () => console });

/** Every route of the code. */
export const allRoutes = (): Route[] => [...enqueueRoutes(noDeps, jobs), ...apiRoutes(noDeps, types, noRing)];

export const newSecret = (): string => randomBytes(32).toString("base64url");

const hashOf = (key: string): string => createHash("sha256").update(key).digest("hex");

/** A browser in front of the API: its configuration can be changed, and whatever it sends is sent as a browser does. */
export const setupBrowser = (routesOf: (own: Route[]) => Route[] = (own) => own) => {
  const state = {
    secret: newSecret() as string | undefined,
    key: SECRET,
    id: "test",
    scopes: [...SCOPES] as Scope[],
    ms: 0,
  };
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const config = { service: "forgeq", stage: "test", wakeMode: "always" };
  const deps = () => Promise.resolve({ logger, config } as never);
  const keys = () =>
    Promise.resolve({
      list: JSON.stringify([{ id: state.id, sha256: hashOf(state.key), scopes: state.scopes }]),
      secret: state.secret,
    });
  const handler: HttpHandler = httpFunction(deps, keys, (get, ring) => routesOf(apiRoutes(get, types, ring)), {
    before: () => ({ logger }),
    elapsedMs: () => state.ms,
  });
  const send = async ({ headers = {}, ...request }: TestRequest) => {
    const event = eventOf({ ...request, headers: { host: "localhost:3000", ...headers } });
    if (headers["authorization"] === undefined) delete event.headers["authorization"];
    const { statusCode = 0, headers: given = {}, body = "" } = await handler(event, { ...CONTEXT });
    return {
      status: statusCode,
      headers: given as Record<string, string>,
      text: body,

      body: body.startsWith("{") ? JSON.parse(body) : body,
    };
  };
  /** Signs in; gives the cookie as the browser sends it from then on. */
  const signIn = async (more: Record<string, unknown> = {}, headers: Record<string, string> = {}) => {
    const answer = await send({
      ...{ method: "POST", path: "/session", body: { key: state.key, ...more } },
      headers: { ...PAGE, ...headers },
    });
    return { ...answer, cookie: (answer.headers["set-cookie"] ?? "").split(";")[0] ?? "" };
  };
  return { state, logger, send, signIn };
};

/** What the dashboard's own page sends. */
export const PAGE = { "x-forgeq-dashboard": "1", "sec-fetch-site": "same-origin" };
