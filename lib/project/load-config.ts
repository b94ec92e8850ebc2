import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf } from "../core/reason.ts";
import { checkConfig, importFile, type ProjectSettings } from "./config.ts";
import { ProjectError } from "./project-error.ts";

/** The names of the config file, in the order in which they are looked for. */
export const CONFIG_FILES = [
  "forgeq.config.ts",
  "forgeq.config.mts",
  "forgeq.config.js",
  "forgeq.config.mjs",
  "forgeq.config.json",
];

export interface LoadedConfig {
  /** The folder that the settings' paths are relative to: the config file's, or the one that was asked for where there is none. */
  readonly root: string;
  /** Null where there is none. */
  readonly file: string | null;
  readonly values: Readonly<Record<string, unknown>> & ProjectSettings;
}

const readJson = async (name: string, path: string): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new ProjectError(`${name} can't be loaded: ${messageOf(error)}`, { cause: error });
  }
};

/**
 * The settings of the config file: an object, the default export of a module.
 *
 * @param options - the names of the commands' options, in camel case, which it may hold, too
 * @param given - the file, from `folder`; the first of CONFIG_FILES there unless given
 * @throws {ProjectError} when there is no such file, when it can't be loaded, or when it holds what ForgeQ does not know
 */
export const loadConfig = async (
  folder: string,
  options: ReadonlySet<string>,
  given?: string,
): Promise<LoadedConfig> => {
  const found = given ?? CONFIG_FILES.find((name) => existsSync(join(folder, name)));
  if (found === undefined) return { root: folder, file: null, values: {} };
  const path = resolve(folder, found);
  if (!existsSync(path)) throw new ProjectError(`there is no config file ${found}`);
  const name = relative(folder, path);
  if (!statSync(path).isFile()) throw new ProjectError(`${name} is no file with settings`);
  const values = path.endsWith(".json")
    ? await readJson(name, path)
    : (await importFile<{ default?: unknown }>(name, pathToFileURL(path).href)).default;
  return { root: dirname(path), file: path, values: checkConfig(name, values, options) };
};
