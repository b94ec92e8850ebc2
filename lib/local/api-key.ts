import { randomBytes } from "node:crypto";
import { join, relative } from "node:path";
import { secretFile } from "./private-files.ts";

const fileOf = (folder: string): string => join(folder, "api-key");

/** The key of a folder's local API: made once, readable by its owner only. */
export const localApiKey = (folder: string): string =>
  secretFile(fileOf(folder), () => `fq_local_${randomBytes(24).toString("base64url")}`);

/** How a command line in this process' folder gives the key, inside double quotes and without showing it. */
export const keyInShell = (folder: string): string => {
  const file = relative(process.cwd(), fileOf(folder));
  return `$(cat ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`})`;
};
