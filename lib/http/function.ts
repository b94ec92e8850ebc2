import type { ConfiguredKeys } from "../core/configured-keys.ts";
import { type ConfiguredWeb, parseWebSettings, type WebSettings } from "../core/web-settings.ts";
import { createKeyRing, type KeyRing } from "./key-ring.ts";
import { lazyFrom } from "./lazy.ts";
import type { Source } from "./lazy.ts";
import type { Observers } from "./observers.ts";
import type { HttpLog } from "./problem.ts";
import type { Route } from "./router.ts";
import { httpHandler, type StackOptions } from "./stack.ts";
import type { StoredKey } from "./stored-keys.ts";
import type { HttpHandler } from "./stack.ts";

const line = (level: string, message: string, fields: Record<string, unknown> = {}): void =>
  console.error(JSON.stringify({ level, message, ...fields }));

/** Logs failures of the setup itself, before there is a logger. */
const plainLog: HttpLog = {
  info: (message, fields) => line("INFO", message, fields),
  warn: (message, fields) => line("WARN", message, fields),
  error: (message, fields) => line("ERROR", message, fields),
};

/**
 * An HTTP function from its dependencies, its API keys, and its routes. The dependencies are got when a route first needs them,
 * and kept; when that fails, the request is answered with the failure and the next one tries again. The keys are read again, see `createKeyRing`.
 */
export const httpFunction = <
  Deps extends Observers & {
    readonly tracing?: { flush(): Promise<void> };
  },
>(
  deps: Source<Deps>,
  keys: Source<ConfiguredKeys | string | undefined>,
  routesOf: (deps: () => Promise<Deps>, ring: KeyRing) => Route[],
  {
    before = () => ({ logger: plainLog }),
    findStored,
    elsewhere,
    web = () => ({}),
    elapsedMs,
  }: {
    /** Of the keys' age: milliseconds that never go back. */
    readonly elapsedMs?: () => number;
    readonly elsewhere?: StackOptions["elsewhere"];
    /** How the API is reached, read once. */
    readonly web?: () => ConfiguredWeb;
    readonly before?: (() => Observers) | undefined;
    /** Asks the database for a key of its own. */
    readonly findStored?: (deps: Deps, id: string) => Promise<StoredKey | null>;
  } = {},
): HttpHandler => {
  const lazyDeps = lazyFrom(deps);
  const observers = (): Observers => lazyDeps.current ?? before();
  const log = (): HttpLog => observers().logger;
  const ring = createKeyRing({
    read: typeof keys === "function" ? keys : () => Promise.resolve(keys),
    findStored: findStored && (async (id) => findStored(await lazyDeps.get(), id)),
    log,
    ...(elapsedMs !== undefined && { elapsedMs }),
  });
  let settings: WebSettings | undefined;
  const webOnce = (): WebSettings => (settings ??= parseWebSettings(web()));
  const handler = httpHandler({ routes: routesOf(lazyDeps.get, ring), elsewhere, web: webOnce, ring, observers });
  return async (event, context) => {
    try {
      return await handler(event, context);
    } finally {
      observers().metrics?.flush();
      await lazyDeps.current?.tracing?.flush();
    }
  };
};
