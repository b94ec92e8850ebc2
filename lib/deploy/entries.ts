/** The sources of a project's functions: a module for each, which says to a factory of `forgeq/functions` what it is for. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { FoundJob } from "../project/find-jobs.ts";
import { PART_KEYS } from "./plan.ts";

const FOLDER = join(".forgeq", "entries");

/** What a bundle does before its first event. A bundler that makes CommonJS can't wait for it; the init phase goes on meanwhile. */
const prepared = (waits: boolean): string =>
  `import { prepare } from "forgeq/functions/prepare";\n${waits ? "await" : "void"} prepare();\n`;

const FACTORIES: Readonly<Record<(typeof PART_KEYS)[number], string>> = {
  enqueue: "enqueueFunction",
  api: "apiFunction",
  dispatcher: "dispatcherFunction",
  scheduler: "schedulerFunction",
  "failed-invocation": "failedInvocationFunction",
};

const takesJobs = (key: string): boolean => key === "enqueue" || key === "api";

/**
 * Writes them.
 *
 * @param options.waits - whether the bundles are ES modules, which can wait for what is prepared
 * @returns their files, by function key
 */
export const writeEntries = (
  root: string,
  jobs: readonly FoundJob[],
  { waits }: { readonly waits: boolean },
): ReadonlyMap<string, string> => {
  const folder = join(root, FOLDER);
  mkdirSync(folder, { recursive: true });
  const from = (file: string): string => JSON.stringify(relative(folder, file).replaceAll("\\", "/"));
  const imports = jobs.map(
    ({ exportName, jobFile }, index) => `import { ${exportName} as job${index} } from ${from(jobFile)};\n`,
  );
  const list = `[${jobs.map((_, index) => `job${index}`).join(", ")}]`;
  const ofPart = (key: (typeof PART_KEYS)[number]): string => {
    const factory = FACTORIES[key];
    const types = takesJobs(key) ? imports.join("") : "";
    return `import { ${factory} } from "forgeq/functions/${key}";\n${types}export const handler = ${factory}(${takesJobs(key) ? list : ""});\n`;
  };
  const sources: readonly (readonly [string, string])[] = [
    ...PART_KEYS.map((key) => [key, ofPart(key)] as const),
    ...jobs.map(
      ({ definition, jobFile, handlerFile }) =>
        [`handler-${definition.type}`, `export { handler } from ${from(handlerFile ?? dirname(jobFile))};\n`] as const,
    ),
  ];
  return new Map(
    sources.map(([key, source]) => {
      const file = join(folder, `${key}.ts`);
      writeFileSync(file, source + prepared(waits));
      return [key, file];
    }),
  );
};
