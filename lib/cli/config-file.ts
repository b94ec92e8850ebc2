import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { UsageError } from "./failure.ts";

const NAMES = ["forgeq.config.ts", "forgeq.config.js", "forgeq.config.mjs", "forgeq.config.json"];

/**
 * The settings of the config file: an object, the default export of a module, its keys the options' names in camel case
 * (`{ databaseUrl, concurrency, grace }`). Flags and the environment win over it.
 *
 * @param file - the first of forgeq.config.ts, .js, .mjs and .json in this folder unless given
 */
export const loadConfig = async (file?: string): Promise<Readonly<Record<string, unknown>>> => {
  const found = file ?? NAMES.find((name) => existsSync(name));
  if (found === undefined) return {};
  const path = resolve(found);
  if (!existsSync(path)) throw new UsageError(`there is no config file ${found}`);
  const values: unknown = path.endsWith(".json")
    ? JSON.parse(await readFile(path, "utf8"))
    : ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw new UsageError(`${found} does not hold an object of settings`);
  return values as Record<string, unknown>;
};
