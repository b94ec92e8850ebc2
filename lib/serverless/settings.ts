/** The `forgeq` block of a service: where its job types are, what its functions are called, and the parameters. */
import { type GivenParameters, isParameter, PARAMETERS } from "../deploy/parameters.ts";
import { PlanError } from "../deploy/plan-error.ts";
import type { HandlerSettings } from "../deploy/plan.ts";
import { DEFAULT_JOBS } from "../project/project.ts";

export interface PluginSettings {
  /** The folder of the job types. */
  readonly jobs: string;
  /** What the functions' names begin with. */
  readonly service: string;
  /** The folder that has the functions' bundles; null where the plugin makes them. */
  readonly build: string | null;
  /** Packages that the bundles leave out. */
  readonly external: readonly string[];
  readonly handlers: Readonly<Record<string, HandlerSettings>>;
  readonly parameters: GivenParameters;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

const CHECKS: Readonly<Record<string, readonly [(value: unknown) => boolean, string]>> = {
  jobs: [isText, "a folder"],
  service: [isText, "a name"],
  build: [isText, "a folder"],
  external: [(value) => Array.isArray(value) && value.every(isText), "a list of packages"],
  handlers: [
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "settings by job type: memorySize, environment, statements",
  ],
};

const HANDLER_SETTINGS = new Set(["memorySize", "environment", "statements"]);

const checkHandlers = (handlers: Readonly<Record<string, object>>): void => {
  for (const [type, settings] of Object.entries(handlers)) {
    const unknown = Object.keys(settings).find((name) => !HANDLER_SETTINGS.has(name));
    if (unknown !== undefined)
      throw new PlanError(
        `forgeq: there is no setting ${unknown} for the handler of ${type}; there are ${[...HANDLER_SETTINGS].join(", ")}`,
      );
  }
};

/**
 * @param block - `forgeq` in serverless.yml, with its variables resolved
 * @param service - the service's name
 * @throws {PlanError} that names the setting that there is not, or that is no such thing
 */
export const readSettings = (block: unknown, service: string): PluginSettings => {
  if (typeof block !== "object" || block === null) throw new PlanError("forgeq: is an object of settings");
  const given = block as Readonly<Record<string, unknown>>;
  for (const [name, value] of Object.entries(given)) {
    const [isRight, what] = CHECKS[name] ?? [];
    if (isRight === undefined && !isParameter(name))
      throw new PlanError(
        `forgeq: there is no setting ${name}; there are ${[...Object.keys(CHECKS), ...Object.keys(PARAMETERS)].join(", ")}`,
      );
    if (isRight?.(value) === false) throw new PlanError(`forgeq: ${name} is ${what}`);
  }
  const handlers = (given["handlers"] ?? {}) as Readonly<Record<string, HandlerSettings>>;
  checkHandlers(handlers);
  return {
    jobs: (given["jobs"] as string | undefined) ?? DEFAULT_JOBS,
    service: (given["service"] as string | undefined) ?? `${service}-forgeq`,
    build: (given["build"] as string | undefined) ?? null,
    external: (given["external"] as string[] | undefined) ?? [],
    handlers,
    parameters: Object.fromEntries(Object.entries(given).filter(([name]) => isParameter(name))),
  };
};
