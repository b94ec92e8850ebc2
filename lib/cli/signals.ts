import { watchNpm } from "../local/npm-ancestors.ts";
import { say } from "./terminal.ts";
import { messageOf } from "../core/reason.ts";

/** Ctrl-C reaches a whole group of processes, and npx and the launcher pass it on: what comes so soon after is the same one. */
const SAME_SIGNAL_MS = 300;

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP, or when the launcher is gone; the second one ends the process immediately. The exit
 * code is 0 when `stop` says that everything ended in order, 1 otherwise.
 *
 * @param endedNow - what is said at the second one
 */
export const onShutdown = (
  stop: (signal: string) => Promise<boolean>,
  endedNow = "Ended immediately: what ran is recovered when its lease expires.",
): void => {
  let firstAtMs: number | undefined;
  const first = (signal: string): void => {
    firstAtMs = performance.now();
    void stop(signal).then(
      (inOrder) => process.exit(inOrder ? 0 : 1),
      (error: unknown) => {
        say(`forgeq: ${messageOf(error)}`);
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (firstAtMs === undefined) return first(signal);
      if (performance.now() - firstAtMs < SAME_SIGNAL_MS) return;
      say(endedNow);
      process.exit(CODES[signal]);
    });
  }
  const launcherEnded = (): void => {
    if (firstAtMs === undefined) first("the launcher's end");
  };
  process.on("disconnect", launcherEnded);
  // It was gone before this process listened.
  if (process.connected === false) setImmediate(launcherEnded);
  watchNpm(() => {
    if (firstAtMs === undefined) first("npm's end");
  });
  // Alone the channel must not keep the process alive.
  process.channel?.unref();
};
