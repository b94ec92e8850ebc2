import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import release from "./last-release.json" with { type: "json" };
import { ROOT } from "../support/cli/cli.ts";

/** The last release: its version, and the commit that has it; null before the first one. */
export const LAST: { readonly version: string; readonly commit: string | null } = release;

const git = (...args: string[]): void => {
  execFileSync("git", ["-C", ROOT, ...args], { stdio: ["ignore", "ignore", "inherit"] });
};

/** Whether the history of this clone has the release; a shallow one has not. */
export const hasLastRelease = (): boolean => {
  if (LAST.commit === null) return false;
  const { status } = spawnSync("git", ["-C", ROOT, "cat-file", "-e", `${LAST.commit}^{commit}`], { stdio: "ignore" });
  if (status !== 0 && process.env["FORGEQ_TEST_LAST_RELEASE"] === "required")
    throw new Error(`the commit of ${LAST.version}, ${LAST.commit}, is not here: fetch the whole history`);
  return status === 0;
};

/** A work tree of the last release, installed and built. */
export const checkOutLastRelease = (): { readonly root: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-release-"));
  // For Postgres, which does not run as root.
  chmodSync(folder, 0o755);
  const root = join(folder, "forgeq");
  git("worktree", "add", "--detach", root, String(LAST.commit));
  const run = (...args: string[]) => execFileSync("npm", args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  run("ci", "--no-audit", "--no-fund");
  run("run", "build");
  return {
    root,
    remove: () => {
      git("worktree", "remove", "--force", root);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
