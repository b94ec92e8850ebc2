import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT } from "../support/cli/cli.ts";
import { hasLastRelease, LAST } from "./checkout.ts";

const git = (...args: string[]): string => execFileSync("git", ["-C", ROOT, ...args], { encoding: "utf8" });

it.skipIf(!hasLastRelease())(
  `migrations of ${LAST.version} are as they were: a change is a migration of its own`,
  () => {
    const files = git("ls-tree", "--name-only", String(LAST.commit), "migrations/")
      .split("\n")
      .filter((file) => file.endsWith(".sql"));
    expect(files).not.toEqual([]);
    for (const file of files)
      expect(readFileSync(join(ROOT, file), "utf8"), file).toBe(git("show", `${LAST.commit}:${file}`));
  },
);
