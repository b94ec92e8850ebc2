/** What the plugin uses of the Serverless Framework, versions 3 and 4, and of osls. */
import type { Json, Resources } from "../deploy/names.ts";

export type FunctionEntry = Readonly<Record<string, unknown>> & {
  readonly name?: string;
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly package?: { readonly patterns?: readonly string[] };
  readonly events?: readonly unknown[];
};

/** Of a service's `resources`. */
export interface ServiceResources {
  readonly Resources?: Resources;
  readonly extensions?: Readonly<Record<string, Json>>;
}

export interface Service {
  readonly service: string;
  readonly provider: {
    readonly environment?: Readonly<Record<string, unknown>>;
    readonly httpApi?: { readonly id?: unknown };
    readonly compiledCloudFormationTemplate?: { readonly Resources: Resources };
  };
  readonly plugins?: readonly string[] | { readonly modules?: readonly string[] };
  readonly custom?: Readonly<Record<string, { readonly lambdaPort?: number } | undefined>>;
  /** What goes into the zips of the service's own functions. */
  package?: { readonly patterns?: readonly string[] };
  functions: Record<string, FunctionEntry>;
  resources?: ServiceResources;
}

export interface Serverless {
  readonly service: Service;
  readonly serviceDir: string;
  readonly configurationInput: Readonly<Record<string, unknown>> | undefined;
  readonly configSchemaHandler: { defineTopLevelProperty(name: string, schema: object): void };
  readonly classes: { readonly Error: new (message: string, code?: string) => Error };
  getProvider(name: "aws"): { getStage(): string };
}

export interface Utilities {
  readonly log: { notice(text: string): void; warning(text: string): void };
}
