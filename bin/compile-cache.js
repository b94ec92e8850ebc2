// Where Node keeps compiled and stripped code between runs. Whoever may write there decides what runs here, so the folder is this user's
// alone, and so is the way to it: Node's own default is the temporary folder, which all users of a machine share.
import { existsSync, lstatSync, mkdirSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const STICKY = 0o1000;

/** Can no other user replace what lies in this folder? Root can replace everything anyway. */
const isSafe = (folder, me) => {
  const { uid, mode } = lstatSync(folder);
  return (uid === me || uid === 0) && ((mode & 0o022) === 0 || (mode & STICKY) !== 0);
};

const isSafeAbove = (folder, me) => {
  for (let at = dirname(folder); ; at = dirname(at)) {
    if (existsSync(at) && !isSafe(at, me)) return false;
    if (dirname(at) === at) return true;
  }
};

/** The folder, made when it is missing; undefined when it can't be had, or when another user has a hand in it. */
export const compileCacheFolder = () => {
  const me = process.getuid?.();
  try {
    const folder = join(realpathSync(homedir()), ".cache", "forgeq");
    if (me !== undefined && !isSafeAbove(folder, me)) return undefined;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (me === undefined) return folder;
    const made = lstatSync(folder);
    return made.isDirectory() && made.uid === me && (made.mode & 0o077) === 0 ? folder : undefined;
  } catch {
    // Without a home the command is only slower.
    return undefined;
  }
};
