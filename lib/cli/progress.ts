import { Presets, SingleBar } from "cli-progress";
import { isInteractive } from "./terminal.ts";

export interface Progress {
  add(amount: number): void;
  end(): void;
}

/** A bar on stderr, where a person sees it move; nothing elsewhere. */
export const startProgress = (what: string, total: number): Progress => {
  if (!isInteractive()) return { add: () => undefined, end: () => undefined };
  const bar = new SingleBar(
    {
      format: `${what.padEnd(11)}{bar} {percentage}% {eta_formatted}`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  let done = 0;
  const add = (amount: number): void => {
    done += amount;
    // The total was a lower bound.
    if (done > bar.getTotal()) bar.setTotal(done);
    bar.update(done);
  };
  return { add, end: () => bar.stop() };
};
