import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { paintMessage, say } from "./terminal.ts";

const ENTRY = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./forgeq.ts" : "./forgeq.js", import.meta.url));

/** One command of `forgeq dev` in a process of its own, started again with the files as they are now. */
export interface DevProcess {
  /** Starts a new one; the old one ends what it runs, before or meanwhile. */
  restart(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Waits until none is left. */
  ended(): Promise<void>;
}

/**
 * @param overlap - the new one may start while the old one still ends its jobs
 * @param onCrash - called when it ended by itself
 */
export const startDevProcess = (
  name: string,
  args: readonly string[],
  overlap: boolean,
  onCrash: () => void,
): DevProcess => {
  const running = new Map<ChildProcess, Promise<void>>();
  let current: ChildProcess | undefined;

  const start = (): void => {
    // The child has a process group of its own: Ctrl-C is for `forgeq dev`, which passes it on once. The channel ends it when that one is gone.
    const child = spawn(process.execPath, [ENTRY, ...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
    });
    current = child;
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null)
        createInterface({ input: stream }).on("line", (line) => say(`${paintMessage("dim", name.padEnd(7))} ${line}`));
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    running.set(child, gone);
    child.once("exit", (code) => {
      running.delete(child);
      if (child === current && code !== 0) onCrash();
    });
  };

  start();
  return {
    restart: async () => {
      const old = current;
      current = undefined;
      old?.kill("SIGTERM");
      if (!overlap && old !== undefined) await running.get(old);
      start();
    },
    signal: (signal) => {
      current = undefined;
      for (const child of running.keys()) child.kill(signal);
    },
    ended: async () => {
      await Promise.all(running.values());
    },
  };
};
