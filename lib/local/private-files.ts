/** Files and folders of a local run, which no other user of this machine may read or plant. */
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { credentials, isRoot } from "./postgres-binaries.ts";

const STICKY = 0o1000;
/** Folders of `.forgeq` that hold files of ours; what Postgres keeps is private already. */
const FOLDERS = new Set(["mail", "reports"]);

/** Whoever owns the folder above could replace this one, so root takes that user's folders, too. */
const isOwn = (folder: string, uid: number): boolean =>
  uid === process.getuid?.() || (isRoot() && uid === statSync(dirname(resolve(folder))).uid);

const tightenFiles = (folder: string): void => {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile()) chmodSync(join(folder, entry.name), 0o600);
    else if (entry.isDirectory() && FOLDERS.has(entry.name)) privateFolder(join(folder, entry.name));
  }
};

/**
 * Makes a folder that only this user gets into, with mode 0700. One that was open to others is closed to them, and so are its files. Root's
 * is 0710 with the group of the user that Postgres runs as, who passes it to reach its data.
 *
 * @throws when the folder is another user's, or a shared one such as the temporary folder
 */
export const privateFolder = (folder: string): void => {
  mkdirSync(dirname(resolve(folder)), { recursive: true });
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700, recursive: true });
  if (process.getuid === undefined) return;
  const { uid, gid, mode } = statSync(folder);
  if (!isOwn(folder, uid) || (mode & STICKY) !== 0)
    throw new Error(`${folder} is not a folder of this user alone (its owner is ${uid}): choose another one`);
  const { gid: group = gid } = credentials();
  const wanted = isRoot() ? 0o710 : 0o700;
  if ((mode & 0o777) === wanted && gid === group) return;
  if (isRoot()) chownSync(folder, uid, group);
  chmodSync(folder, wanted);
  tightenFiles(folder);
};

/** The secret that a file holds: the first caller makes it, and concurrent ones get the same. Only this user can read the file. */
export const secretFile = (file: string, make: () => string): string => {
  if (!existsSync(file)) {
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, `${make()}\n`, { mode: 0o600, flag: "wx" });
    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  return readFileSync(file, "utf8").trim();
};
