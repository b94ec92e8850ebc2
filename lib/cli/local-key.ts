import { relative, resolve } from "node:path";
import { configure, isConfigured, isProduction } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";

/** Without a configured key, one that is made once and kept in the folder; in production none, and every request is refused. */
export const ensureKey = async (options: GlobalOptions): Promise<string | null> => {
  const names = ["FORGEQ_API_KEYS", "FORGEQ_API_KEY", "FORGEQ_API_KEYS_PARAMETER"];
  if (isProduction() || names.some(isConfigured)) return null;
  const { localApiKey } = await import("../local/api-key.ts");
  const { privateFolder } = await import("../local/private-files.ts");
  const folder = resolve(options.dir);
  privateFolder(folder);
  configure({ FORGEQ_API_KEY: localApiKey(folder) });
  return relative(process.cwd(), `${folder}/api-key`);
};
