import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

const LOOK_EVERY_MS = 1_000;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** 0 where it can't be known. */
const parentOf = (pid: number): number => {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    const { stdout } = spawnSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" });
    return Number(stdout?.trim() || 0);
  }
};

/**
 * Calls `onGone` once when npm, or the shell between npm and this process, is gone: npm can't pass a SIGKILL on, and a SIGTERM only to its shell. Does nothing
 * where neither npm nor npx started this process.
 */
export const watchNpm = (onGone: () => void): void => {
  if (process.env["npm_lifecycle_event"] === undefined || process.platform === "win32") return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  // An older Node, which has started this one, is one more.
  const launched = process.channel === undefined ? 0 : parentOf(npm);
  const ancestors = [shell, npm, launched].filter((pid) => pid > 1);
  const timer = setInterval(() => {
    if (process.ppid === shell && ancestors.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS);
  timer.unref();
};
