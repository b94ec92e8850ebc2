import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process; the time at which it began distinguishes it from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; compared only. */
  readonly began: string;
}

/** When a process began, null when there is none. */
const beganAt = (pid: number): string | null => {
  if (process.platform === "linux") {
    try {
      // The name, in parentheses, may hold spaces; the start time is the 20th field after it. A zombie is gone.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return fields[0] === "Z" ? null : (fields[19] ?? null);
    } catch {
      return null;
    }
  }
  const { stdout } = spawnSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" });
  return stdout?.trim() || null;
};

export const thisProcess = (): ProcessIdentity => ({ pid: process.pid, began: beganAt(process.pid) ?? "" });

export const isRunning = ({ pid, began }: ProcessIdentity): boolean => beganAt(pid) === began;
