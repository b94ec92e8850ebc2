/** How much processor a process has used: what a share of a core is measured against, whatever else the machine does. */
import { readdirSync, readFileSync } from "node:fs";

/** Milliseconds of all of its threads that are there. https://docs.kernel.org/scheduler/sched-stats.html */
export const cpuMs = (pid: number): number => {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const ns = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]));
  return ns.reduce((sum, each) => sum + each, 0) / 1e6;
};
