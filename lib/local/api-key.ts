import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A file of a folder that is made once, and readable by its owner only. */
const madeOnce = (file: string, make: () => string): string => {
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600 });
  return readFileSync(file, "utf8").trim();
};

/** The key of a folder's local API. */
export const localApiKey = (folder: string): string =>
  madeOnce(join(folder, "api-key"), () => `fq_local_${randomBytes(24).toString("base64url")}`);

/** What keys of a folder's embedded database are made with. */
export const localSecret = (folder: string): string =>
  madeOnce(join(folder, "secret"), () => randomBytes(32).toString("base64url"));
