import { ForgeqError } from "../core/errors.ts";
import { countRefusal, isRefusal } from "../core/refusals.ts";
import type { Observers } from "./observers.ts";
import type { Route } from "./router.ts";

/** Lines in each second at most, for strangers must not fill the log. */
const LINES = 10;
const WINDOW_MS = 1_000;

export interface RefusedRequest {
  readonly requestId: string;
  readonly address: string | undefined;
  readonly route: Route | undefined;
  /** Of a key that is known, and may not do this. */
  readonly keyId: string | undefined;
}

export type RefusalLog = (error: unknown, request: RefusedRequest) => void;

/** Counts requests that were refused for their key, and logs them, without what was sent: the route's pattern, never the path. */
export const createRefusalLog = (observers: () => Observers, elapsedMs = () => performance.now()): RefusalLog => {
  let sinceMs = -Infinity;
  let lines = 0;
  let leftOut = 0;

  return (error, { requestId, address, route, keyId }) => {
    if (!(error instanceof ForgeqError) || !isRefusal(error.code)) return;
    const { logger, metrics } = observers();
    countRefusal(error.code);
    metrics?.count("RequestsRefused", 1);
    if (elapsedMs() - sinceMs >= WINDOW_MS) [sinceMs, lines] = [elapsedMs(), 0];
    lines += 1;
    if (lines > LINES) return void (leftOut += 1);
    logger.warn("request refused", {
      ...{ request_id: requestId, code: error.code, reason: error.message, address },
      ...(route !== undefined && { method: route.method, route: route.path }),
      ...(keyId !== undefined && { caller: keyId }),
      ...(leftOut > 0 && { left_out: leftOut }),
    });
    leftOut = 0;
  };
};
