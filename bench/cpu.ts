import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** Fields 4 (parent), 14 to 17 (user, system, and those of ended children) of /proc/PID/stat. */
const statOf = (pid: string): { parent: number; own: number; children: number } | null => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const at = (number: number) => fields[number - 3] ?? 0;
    return { parent: at(4), own: at(14) + at(15), children: at(16) + at(17) };
  } catch {
    return null;
  }
};

/** CPU microseconds that a server has used so far: its process, its children, and those that have ended. */
export const cpuMicrosOf = (pid: number): number => {
  const stats = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), stat: statOf(name) }));
  const ticks = stats.reduce((sum, each) => {
    if (each.stat === null) return sum;
    if (each.pid === pid) return sum + each.stat.own + each.stat.children;
    return each.stat.parent === pid ? sum + each.stat.own : sum;
  }, 0);
  return (ticks / TICKS_PER_SECOND) * 1e6;
};
