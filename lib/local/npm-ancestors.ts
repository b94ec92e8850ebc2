import { spawnSync } from "node:child_process";

const LOOK_EVERY_MS = 1_000;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

const parentOf = (pid: number): number => {
  const { stdout } = spawnSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" });
  return Number(stdout?.trim() || 0);
};

/**
 * Calls `onGone` once when npm, or the shell between npm and this process, was killed: npm can't pass a SIGKILL on. Does nothing
 * where npm did not start this process.
 */
export const watchNpm = (onGone: () => void): void => {
  if (process.env["npm_lifecycle_event"] === undefined || process.platform === "win32") return;
  const ancestors = [process.ppid, parentOf(process.ppid)].filter((pid) => pid > 1);
  const timer = setInterval(() => {
    if (ancestors.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS);
  timer.unref();
};
