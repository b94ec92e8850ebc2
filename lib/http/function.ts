import { parseApiKeys } from "./authenticate.ts";
import { lazy, lazyFrom } from "./lazy.ts";
import type { Source } from "./lazy.ts";
import type { HttpLog } from "./problem.ts";
import type { Route } from "./router.ts";
import { httpHandler } from "./stack.ts";
import type { HttpHandler } from "./stack.ts";

const line = (level: string, message: string, fields: Record<string, unknown> = {}): void =>
  console.error(JSON.stringify({ level, message, ...fields }));

/** Logs failures of the setup itself, before there is a logger. */
const plainLog: HttpLog = {
  warn: (message, fields) => line("WARN", message, fields),
  error: (message, fields) => line("ERROR", message, fields),
};

/**
 * An HTTP function from its dependencies, the JSON text of its API keys, and its routes. Both are got at the first
 * request and kept; when that fails, the request is answered with the failure and the next one tries again.
 */
export const httpFunction = <
  Deps extends {
    readonly logger: HttpLog;
    readonly metrics?: { flush(): void };
    readonly tracing?: { flush(): Promise<void> };
  },
>(
  deps: Source<Deps>,
  keys: Source<string | undefined>,
  routesOf: (deps: () => Promise<Deps>) => Route[],
): HttpHandler => {
  const lazyDeps = lazyFrom(deps);
  const keyText = lazyFrom(keys);
  const log = (): HttpLog => lazyDeps.current?.logger ?? plainLog;
  const apiKeys = lazy(async () => {
    const parsed = parseApiKeys(await keyText.get());
    if (parsed.length === 0) log().error("no API keys are configured: every request is refused");
    return parsed;
  });
  const handler = httpHandler({ routes: routesOf(lazyDeps.get), keys: apiKeys.get, log });
  return async (event, context) => {
    try {
      return await handler(event, context);
    } finally {
      lazyDeps.current?.metrics?.flush();
      await lazyDeps.current?.tracing?.flush();
    }
  };
};
