import type { QueueDefinition } from "../core/job.ts";
import type { GivenParameters } from "../deploy/parameters.ts";
import type { HandlerSettings } from "../deploy/plan.ts";
import { messageOf } from "../core/reason.ts";
import { ProjectError } from "./project-error.ts";

/** What a project says about itself: where its jobs are, and what its functions and routes are called. */
export interface ProjectSettings {
  /** The folder of the job types, one folder each with `job` and `handler`, in .ts, .js or .mjs; `functions/handlers` unless given. */
  readonly jobs?: string;
  /** The queues whose limits are not the defaults, or the file that exports them as `queues`. */
  readonly queues?: readonly QueueDefinition[] | string;
  /** What the names of the deployed functions begin with. `wake()` invokes `SERVICE-STAGE-dispatcher`. */
  readonly service?: string;
  /** `dev` unless given. */
  readonly stage?: string;
  /** Where the routes begin, as `/queue`; at the root unless given. */
  readonly basePath?: string;
  /** The parameters of a deployment by `forgeq template`, by name. */
  readonly deploy?: GivenParameters;
  /** What the functions of job types have beyond the others: memory, variables, and what their work may do. */
  readonly handlers?: Readonly<Record<string, HandlerSettings>>;
}

/** The settings of forgeq.config.ts. Flags and the environment win over them. Any other option of a command has its name in camel case here. */
export interface ForgeqConfig extends ProjectSettings {
  readonly databaseUrl?: string;
  /** Where the embedded Postgres, its mails and its key live; `.forgeq` unless given. */
  readonly dir?: string;
  readonly port?: number;
  readonly host?: string;
  /** Jobs that a worker runs concurrently; 10 unless given. */
  readonly concurrency?: number;
  /** Time for what runs to end after SIGTERM: seconds, or as `30s`. */
  readonly grace?: number | string;
  /** False: server and worker leave schedules, recovery and clean-up to others. */
  readonly scheduler?: boolean;
  readonly metricsPort?: number;
  readonly metricsHost?: string;
}

/** The settings of a project, typed, for the default export of `forgeq.config.ts`. */
export const defineConfig = (config: ForgeqConfig): ForgeqConfig => config;

const NAME = /^[a-zA-Z][a-zA-Z0-9-]{0,39}$/;
const BASE_PATH = /^(\/[\w.~-]+)*$/;

const isQueue = (value: unknown): value is QueueDefinition =>
  typeof value === "object" && value !== null && "name" in value && "maxInFlight" in value;

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

const CHECKS: Readonly<Record<keyof ProjectSettings, readonly [(value: unknown) => boolean, string]>> = {
  jobs: [(value) => typeof value === "string" && value.trim() !== "", "a folder"],
  queues: [
    (value) => (typeof value === "string" && value.trim() !== "") || (Array.isArray(value) && value.every(isQueue)),
    "a list of what defineQueue() gives, or the file that exports one",
  ],
  service: [(value) => typeof value === "string" && NAME.test(value), "a name of letters, digits and hyphens"],
  stage: [(value) => typeof value === "string" && NAME.test(value), "a name of letters, digits and hyphens"],
  basePath: [(value) => typeof value === "string" && BASE_PATH.test(value), "a path such as /queue, or empty"],
  deploy: [isObject, "an object of parameters, by name"],
  handlers: [isObject, "an object of settings, by job type"],
};

const isProjectSetting = (key: string): key is keyof ProjectSettings => key in CHECKS;

/**
 * Refuses settings that ForgeQ does not know, by their names, and project settings of another shape.
 *
 * @param options - the names of the commands' options, in camel case
 * @throws {ProjectError} that names the file and the setting
 */
export const checkConfig = (
  file: string,
  values: unknown,
  options: ReadonlySet<string>,
): Readonly<Record<string, unknown>> & ProjectSettings => {
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw new ProjectError(`${file} does not hold an object of settings`);
  for (const [key, value] of Object.entries(values)) {
    if (!isProjectSetting(key)) {
      if (!options.has(key))
        throw new ProjectError(
          `${file}: there is no setting ${JSON.stringify(key)}. A project's own are ${Object.keys(CHECKS).join(", ")}; the others are options of the commands, in camel case`,
        );
      continue;
    }
    const [isRight, what] = CHECKS[key];
    if (value !== undefined && !isRight(value)) throw new ProjectError(`${file}: ${key} must be ${what}`);
  }
  return values as Record<string, unknown>;
};

/** @throws {ProjectError} that says which file can't be loaded, and why */
export const importFile = async <Module>(name: string, url: string): Promise<Module> => {
  try {
    return (await import(url)) as Module;
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    throw new ProjectError(`${name} can't be loaded: ${reason}`, { cause: error });
  }
};
