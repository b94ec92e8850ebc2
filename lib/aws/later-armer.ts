import type { Armer } from "../queue/deps.ts";
import type { ArmerOptions } from "./scheduler.ts";

/** EventBridge Scheduler, loaded by the first wake: see createArmer. */
export const laterArmer = (options: ArmerOptions): Armer => ({
  arm: async (minuteMs) => (await import("./scheduler.ts")).createArmer(options).arm(minuteMs),
});
