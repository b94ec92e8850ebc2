import { createHandler } from "../../../functions/api.ts";
import type { Deps } from "../../../lib/queue/deps.ts";
import { answering, httpDeps } from "./http-deps.ts";
import { ALL_SCOPES, send } from "./http.ts";

/** The api function before a database that gives these answers. */
export const setupApi = (
  answers: Parameters<typeof answering>[0] = {},
  keys = ALL_SCOPES,
  more: Partial<Deps> = {},
) => {
  const { db, query } = answering(answers);
  const deps = { ...httpDeps(db), ...more };
  const handler = createHandler(deps, keys);
  return {
    deps,
    query,
    get: (path: string, search = "", headers = {}) => send(handler, { path, query: search, headers }),
    post: (path: string, body?: unknown) => send(handler, { path, method: "POST", body }),
  };
};
