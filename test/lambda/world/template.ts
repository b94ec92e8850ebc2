/** What a generated CloudFormation template says of its functions, and what their roles may do. */
import { readFileSync } from "node:fs";

export const ACCOUNT = "123456789012";
export const REGION = "eu-central-1";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- CloudFormation, looked into from all sides
type Value = any;

export interface LambdaFunction {
  /** Of the resource. */
  readonly id: string;
  /** Its name without service and stage. */
  readonly key: string;
  readonly name: string;
  readonly arn: string;
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly role: string;
  readonly retries: number;
  readonly maxAgeSeconds: number;
  /** The resource that hears of events that were given up. */
  readonly onFailure: string | undefined;
  readonly reserved: number | undefined;
  readonly jsonLogs: boolean;
}

/** A statement of a role that allowed a call. */
export interface Grant {
  readonly action: string;
  readonly resource: string;
}

export interface Template {
  readonly functions: ReadonlyMap<string, LambdaFunction>;
  readonly routes: ReadonlyMap<string, LambdaFunction>;
  /** Functions that a rule starts every minute. */
  readonly ticking: readonly LambdaFunction[];
  /** @returns the statement that allows it; undefined where none does */
  grant(role: string, action: string, resource: string, context?: Readonly<Record<string, string>>): Grant | undefined;
}

const arnOf = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

export const functionArn = (name: string): string => arnOf("lambda", `function:${name}`);
export const parameterArn = (name: string): string => arnOf("ssm", `parameter/${name.replace(/^\//, "")}`);
export const scheduleArn = (group: string, name: string): string => arnOf("scheduler", `schedule/${group}/${name}`);

const PSEUDO: Readonly<Record<string, string>> = {
  "AWS::Partition": "aws",
  "AWS::Region": REGION,
  "AWS::AccountId": ACCOUNT,
};

const matches = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  ).test(text);

/** Values with `Ref`, `Fn::Join` and `Fn::GetAtt` as CloudFormation would fill them in. */
const resolver = (resources: Value) => {
  const resolve = (value: Value): Value => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(resolve);
    if (value.Ref) return PSEUDO[value.Ref] ?? value.Ref;
    if (value["Fn::Join"]) return resolve(value["Fn::Join"][1]).join(value["Fn::Join"][0]);
    if (value["Fn::GetAtt"]) {
      const [id] = value["Fn::GetAtt"];
      const { Type, Properties } = resources[id];
      return Type === "AWS::Lambda::Function"
        ? functionArn(Properties.FunctionName)
        : `arn:aws:iam::${ACCOUNT}:role/${id}`;
    }
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolve(each)]));
  };
  return resolve;
};

const readFunction = (resources: Value, id: string, resolve: (value: Value) => Value): LambdaFunction => {
  const { Properties } = resources[id];
  const name: string = Properties.FunctionName;
  const config =
    Object.values<Value>(resources).find(
      ({ Type, Properties: { FunctionName } }) => Type === "AWS::Lambda::EventInvokeConfig" && FunctionName.Ref === id,
    )?.Properties ?? {};
  return {
    id,
    key: name.split("-").slice(2).join("-"),
    name,
    arn: functionArn(name),
    handler: Properties.Handler,
    timeoutSeconds: Properties.Timeout,
    memoryMb: Properties.MemorySize,
    variables: resolve(Properties.Environment.Variables),
    role: Properties.Role["Fn::GetAtt"][0],
    retries: config.MaximumRetryAttempts ?? 2,
    maxAgeSeconds: config.MaximumEventAgeInSeconds ?? 21_600,
    onFailure: config.DestinationConfig?.OnFailure?.Destination?.["Fn::GetAtt"]?.[0],
    reserved: Properties.ReservedConcurrentExecutions,
    jsonLogs: Properties.LoggingConfig?.LogFormat === "JSON",
  };
};

export const readTemplate = (file: string): Template => {
  const resources = JSON.parse(readFileSync(file, "utf8")).Resources;
  const resolve = resolver(resources);
  const entries = (type: string) => Object.entries<Value>(resources).filter(([, { Type }]) => Type === type);
  const all = entries("AWS::Lambda::Function").map(([id]) => readFunction(resources, id, resolve));
  const byId = (id: string): LambdaFunction => all.find((each) => each.id === id)!;
  const routes = entries("AWS::ApiGatewayV2::Route").map(([, { Properties }]): [string, LambdaFunction] => {
    const integration = Properties.Target["Fn::Join"][1].find((part: Value) => part?.Ref).Ref;
    return [Properties.RouteKey, byId(resources[integration].Properties.IntegrationUri["Fn::GetAtt"][0])];
  });
  const rules = entries("AWS::Events::Rule")
    .map(([, { Properties }]) => Properties)
    .filter(({ State, ScheduleExpression }) => State === "ENABLED" && ScheduleExpression);
  const ticking = rules.flatMap(({ Targets }) => Targets.map((target: Value) => byId(target.Arn["Fn::GetAtt"][0])));
  return {
    functions: new Map(all.map((each) => [each.key, each])),
    routes: new Map(routes),
    ticking,
    grant: (role, action, resource, context = {}) => {
      for (const { PolicyDocument } of resources[role].Properties.Policies)
        for (const statement of PolicyDocument.Statement) {
          const may = [statement.Action].flat().some((pattern: string) => matches(pattern, action));
          const on = [resolve(statement.Resource)].flat().find((pattern: string) => matches(pattern, resource));
          const conditions = Object.entries<Value>(statement.Condition?.StringEquals ?? {});
          const holds = conditions.every(([name, value]) => context[name] === resolve(value));
          if (may && on !== undefined && holds) return { action, resource: on };
        }
      return undefined;
    },
  };
};
