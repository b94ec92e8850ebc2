import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import yaml from "js-yaml";
import { messageOf } from "../../core/reason.ts";
import { UsageError } from "../failure.ts";

const PLUGIN = "forgeq/serverless";
const FILES = ["serverless.yml", "serverless.yaml"];

/** The tags of CloudFormation, as !Ref, are kept as they are. */
const schema = yaml.DEFAULT_SCHEMA.extend(
  (["scalar", "sequence", "mapping"] as const).map(
    (kind) => new yaml.Type("!", { kind, multi: true, construct: (data, tag) => ({ tag, data }) }),
  ),
);

type Service = Readonly<Record<string, unknown>>;

const parse = (text: string): unknown => yaml.load(text, { schema });

/** Adds the plugin to a list in brackets on one line. */
const inBrackets = (text: string): string =>
  text.replace(/^(plugins:[ \t]*\[)([^\]\r\n]*)\]/m, (_, before: string, list: string) => {
    const names = list.replace(/[\s,]+$/, "");
    return `${before}${names}${names.trim() === "" ? "" : ", "}${PLUGIN}]`;
  });

/** Adds the plugin after the last of a list with a line for each. */
const inLines = (text: string, eol: string): string =>
  text.replace(
    /^plugins:[ \t]*(?:#.*)?\r?\n(?:[ \t]*(?:#.*)?\r?\n)*([ \t]*)- .*(?:\r?\n(?:[ \t]*(?:#.*)?\r?\n)*\1- .*)*/m,
    (list, indent: string) => `${list}${eol}${indent}- ${PLUGIN}`,
  );

/**
 * The text of a serverless.yml with the plugin and its block. Nothing but lines is added, so comments stay. The outcome is read
 * again and compared, so that a file that is written in an unusual way is left alone.
 *
 * @returns undefined where the file can't be edited in this way
 * @throws {Error} when the text is not YAML
 */
export const withPlugin = (text: string, jobsFolder: string): string | undefined => {
  const before = parse(text);
  if (typeof before !== "object" || before === null || Array.isArray(before)) return undefined;
  const { plugins = [], forgeq = { jobs: jobsFolder, basePath: "/queue" } } = before as Service;
  if (!Array.isArray(plugins)) return undefined;
  const isListed = plugins.includes(PLUGIN);
  const wanted = {
    ...before,
    plugins: isListed ? (plugins as unknown[]) : [...(plugins as unknown[]), PLUGIN],
    forgeq,
  };

  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const added = [
    ...("plugins" in before ? [] : ["plugins:", `  - ${PLUGIN}`]),
    ...("forgeq" in before ? [] : ["forgeq:", `  jobs: ${jobsFolder}`, "  basePath: /queue"]),
  ];
  const edited = isListed || !("plugins" in before) ? text : inLines(inBrackets(text), eol);
  const lines = added.map((line) => line + eol).join("");
  const after = edited + (lines === "" || edited.endsWith("\n") ? "" : eol) + lines;
  try {
    return isDeepStrictEqual(parse(after), wanted) ? after : undefined;
  } catch {
    return undefined;
  }
};

const fileOf = (root: string): string | undefined => FILES.find((name) => existsSync(join(root, name)));

/**
 * What the plugin's functions are called before the stage, as lib/serverless/settings.ts decides it; undefined where the folder has no service with the plugin.
 *
 * @throws {UsageError} when the file is not YAML, or says the name by a variable, which only the framework can read
 */
export const servedBy = (root: string): string | undefined => {
  const file = fileOf(root);
  if (file === undefined) return undefined;
  let read: unknown;
  try {
    read = parse(readFileSync(join(root, file), "utf8"));
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    throw new UsageError(
      `${file} can't be read: set FORGEQ_SERVICE to what its functions' names begin with (${reason})`,
    );
  }
  const { plugins, forgeq, service } = (typeof read === "object" && read !== null ? read : {}) as Service;
  if (!Array.isArray(plugins) || !plugins.includes(PLUGIN)) return undefined;
  const own = (forgeq as Service | undefined)?.["service"];
  const name = own ?? (typeof service === "string" ? `${service}-forgeq` : undefined);
  if (typeof name === "string" && !name.includes("${")) return name;
  throw new UsageError(
    `${file} says its service by a variable: set FORGEQ_SERVICE to what its functions' names begin with`,
  );
};

/**
 * What `forgeq init` makes of the service's file; undefined where there is none, or where somebody has to edit it.
 *
 * @throws {UsageError} when the file is not YAML, or can't be read or written
 */
export const planPlugin = (root: string, jobsFolder: string): { file: string; text: string } | undefined => {
  const file = fileOf(root);
  if (file === undefined) return undefined;
  try {
    accessSync(join(root, file), constants.R_OK | constants.W_OK);
    const text = withPlugin(readFileSync(join(root, file), "utf8"), jobsFolder);
    return text === undefined ? undefined : { file, text };
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    throw new UsageError(`${file} can't be edited: nothing was changed (${reason})`);
  }
};
