import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export type PackageManager = "npm" | "pnpm" | "yarn" | "bun";

const LOCK_FILES: readonly (readonly [string, PackageManager])[] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
  ["package-lock.json", "npm"],
];

/** The package manager whose lock file is nearest, in this folder or above it; npm where there is none. */
export const packageManagerOf = (folder: string): PackageManager => {
  for (let at = folder; ; at = dirname(at)) {
    const found = LOCK_FILES.find(([file]) => existsSync(join(at, file)));
    if (found !== undefined) return found[1];
    if (dirname(at) === at) return "npm";
  }
};

/** The words of the command that installs packages. */
export const installCommand = (
  manager: PackageManager,
  packages: readonly string[],
  { dev }: { readonly dev: boolean },
): readonly string[] => {
  const flag = manager === "bun" ? "-d" : "-D";
  return [manager, manager === "npm" ? "install" : "add", ...(dev ? [flag] : []), ...packages];
};

/** What to say to somebody whose project lacks a package that only they need who use this. */
export const missingPackage = (name: string, folder: string): string =>
  `${name} is not installed: ${installCommand(packageManagerOf(folder), [name], { dev: true }).join(" ")}`;

/** Whether the folder's package.json lists this package. */
export const dependsOn = (folder: string, name: string): boolean => {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return false;
  try {
    const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as Record<
      "dependencies" | "devDependencies",
      Record<string, string> | undefined
    >;
    return name in dependencies || name in devDependencies;
  } catch {
    return false;
  }
};
