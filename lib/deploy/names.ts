/** How CloudFormation names and refers to things. */

/** A part of a template. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, Json>>;
  readonly DependsOn?: readonly string[];
}

export type Resources = Readonly<Record<string, Resource>>;

/** A statement of a policy. */
export type Statement = Readonly<Record<string, Json>>;

/** The logical ids of a template: those of a service that has more than ForgeQ in it begin with Forgeq. */
export interface Ids {
  /** The key of a function in a service's list: `forgeq-enqueue`, or `enqueue`. */
  readonly key: (key: string) => string;
  /** The function's own resource, as the Serverless Framework names it; or with another `kind`, one that belongs to it. */
  readonly function: (key: string, kind?: string) => string;
  readonly resource: (name: string) => string;
}

export const pascalCase = (key: string): string =>
  key.replace(/(?:^|[-_])(.)/g, (_, letter: string) => letter.toUpperCase());

/** @param shared - whether the template has more than ForgeQ in it */
export const idsOf = (shared: boolean): Ids => {
  const key = (name: string): string => (shared ? `forgeq-${name}` : name);
  return {
    key,
    function: (name, kind = "LambdaFunction") => {
      const own = key(name);
      return (
        `${own.charAt(0).toUpperCase()}${own.slice(1)}`.replaceAll("-", "Dash").replaceAll("_", "Underscore") + kind
      );
    },
    resource: (name) => (shared ? `Forgeq${name}` : name),
  };
};

export const PARTITION = { Ref: "AWS::Partition" };

// Fn::Join, because the framework takes the dollar signs of Fn::Sub for variables of its own.
export const join = (...parts: readonly Json[]): Json => ({ "Fn::Join": [":", parts] });

/** The ARN of something in this account and region. */
export const arn = (service: string, resource: string): Json =>
  join("arn", PARTITION, service, { Ref: "AWS::Region" }, { Ref: "AWS::AccountId" }, resource);

export const arnOf = (id: string): Json => ({ "Fn::GetAtt": [id, "Arn"] });

export const allow = (action: string | readonly string[], resource: Json): Statement => ({
  Effect: "Allow",
  Action: action,
  Resource: resource,
});

/** The right to invoke these functions of a service. */
export const invoke = (prefix: string, keys: readonly string[]): Statement =>
  allow(
    "lambda:InvokeFunction",
    keys.map((key) => arn("lambda", `function:${prefix}-${key}`)),
  );
