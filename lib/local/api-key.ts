import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The key of a folder's local API: made once, readable by its owner only. */
export const localApiKey = (folder: string): string => {
  const file = join(folder, "api-key");
  if (!existsSync(file)) writeFileSync(file, `fq_local_${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  return readFileSync(file, "utf8").trim();
};
