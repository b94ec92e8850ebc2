import { toWireQueue } from "../http/wire.ts";
import { queueStats } from "../queue/observe/queue-stats.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { queueTable } from "./run-queues.ts";
import { clearScreen, isInteractive, paint, print, printJson } from "./terminal.ts";

export interface StatsOptions {
  readonly interval: number;
  readonly once?: boolean;
}

/** `forgeq stats`: drawn again and again on a terminal, once elsewhere; with --json a queue a line. */
export const runStats = (options: StatsOptions & GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const live = options.once !== true && options.json !== true && isInteractive(process.stdout);
    for (;;) {
      const queues = await queueStats(deps);
      if (options.json === true) queues.forEach((queue) => printJson(toWireQueue(queue)));
      else {
        const note = paint("dim", `${new Date().toLocaleTimeString()}, every ${options.interval} s, Ctrl-C ends`);
        if (live) clearScreen();
        const table = queueTable(queues, options);
        print(live ? `${table}\n\n${note}` : table);
      }
      if (!live) return;
      await deps.sleep(options.interval);
    }
  });
