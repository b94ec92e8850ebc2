/** A share of a core for a process, as Lambda gives it by memory: by the machine's cgroups, so root is needed. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PERIOD_US = 20_000;
const VERSION_1 = "/sys/fs/cgroup/cpu";
const VERSION_2 = "/sys/fs/cgroup";

/**
 * From now on a process has this share of a core.
 *
 * @param share - 0.05 to 1
 * @returns takes its group away, when the process has ended
 */
export const giveShare = (pid: number, share: number): (() => void) => {
  const old = existsSync(VERSION_1);
  const group = join(old ? VERSION_1 : VERSION_2, `forgeq-world-${pid}`);
  const quota = Math.round(PERIOD_US * share);
  mkdirSync(group);
  if (old) {
    writeFileSync(join(group, "cpu.cfs_period_us"), String(PERIOD_US));
    writeFileSync(join(group, "cpu.cfs_quota_us"), String(quota));
  } else writeFileSync(join(group, "cpu.max"), `${quota} ${PERIOD_US}`);
  writeFileSync(join(group, "cgroup.procs"), String(pid));
  return () => rmdirSync(group);
};
