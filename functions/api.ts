import { apiFunction } from "../lib/functions/api.ts";
import { createApi } from "../lib/functions/create-api.ts";

/** Loaded when the document is asked for, or a schedule is written. */
const registry = async () => (await import("./registry.ts")).jobs;

type Arguments = Parameters<typeof createApi>;

/** The function with dependencies of its own, for tests. */
export const createHandler = (deps: Arguments[0], keys: Arguments[1], before?: Arguments[3]) =>
  createApi(deps, keys, registry, before);

export const handler = apiFunction(registry);
