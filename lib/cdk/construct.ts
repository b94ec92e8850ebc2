/** `forgeq/cdk`: ForgeQ's functions, roles, schedules, alarms and routes as a construct, of the build that `forgeq build` made. */
import { resolve } from "node:path";
import { aws_iam, aws_lambda, aws_s3_assets, CfnResource, type IResolvable, Lazy, Token } from "aws-cdk-lib";
import { Construct } from "constructs";
import { gatewayUrl, printPlan } from "../deploy/cloud-formation.ts";
import { readManifest } from "../deploy/manifest.ts";
import type { Json } from "../deploy/names.ts";
import type { GivenParameters } from "../deploy/parameters.ts";
import { deploymentPlan, type HandlerSettings, type Plan } from "../deploy/plan.ts";

export interface ForgeQProps {
  /** What the functions' names begin with. */
  readonly service: string;
  readonly stage: string;
  /** The folder of `forgeq build`; `.forgeq/build` unless given. */
  readonly build?: string;
  /** The parameters of the deployment, by name. */
  readonly parameters?: GivenParameters;
  /** What the functions of job types have beyond the others. */
  readonly handlers?: Readonly<Record<string, HandlerSettings>>;
}

export class ForgeQ extends Construct {
  /** Of the HTTP API, without the base path; null where there is none. */
  readonly url: string | null;
  readonly #plan: Plan;
  readonly #resources = new Map<string, CfnResource>();
  readonly #functions = new Map<string, aws_lambda.IFunction>();

  /** @throws when nothing was built, or when there can be no such deployment */
  constructor(scope: Construct, id: string, props: ForgeQProps) {
    super(scope, id);
    const { service, stage, parameters = {}, handlers = {} } = props;
    const folder = resolve(props.build ?? ".forgeq/build");
    const plan = (this.#plan = deploymentPlan({
      service,
      stage,
      jobs: readManifest(folder).jobs,
      parameters,
      handlers,
    }));
    const printed = printPlan(plan, (key) => {
      const asset = new aws_s3_assets.Asset(this, `${key}-code`, { path: resolve(folder, key) });
      return { S3Bucket: asset.s3BucketName, S3Key: asset.s3ObjectKey };
    });
    for (const [name, { Type, Properties }] of Object.entries(printed)) {
      const properties = Object.entries(Properties).map(([key, value]) => [key, this.#lazily(value)] as const);
      this.#resources.set(
        name,
        new CfnResource(this, name, { type: Type, properties: Object.fromEntries(properties) }),
      );
    }
    for (const [name, { DependsOn = [] }] of Object.entries(printed))
      if (DependsOn.length > 0)
        this.#resource(name).addOverride(
          "DependsOn",
          DependsOn.map((other) => this.#resource(other).logicalId),
        );
    this.url = plan.parameters.http ? Token.asString(this.#lazily(gatewayUrl(plan))) : null;
  }

  /** A function, as `enqueue` or `handler-send_email`: what it is granted goes to its role. */
  function(key: string): aws_lambda.IFunction {
    const planned = this.#plan.functions.find((each) => each.key === key);
    if (planned === undefined)
      throw new Error(
        `there is no function ${key}; there are ${this.#plan.functions.map((each) => each.key).join(", ")}`,
      );
    const made = this.#functions.get(key);
    if (made !== undefined) return made;
    const role = aws_iam.Role.fromRoleName(this, `${key}-role`, this.#resource(planned.role).ref);
    const functionArn = this.#resource(this.#plan.ids.function(key)).getAtt("Arn").toString();
    const reference = aws_lambda.Function.fromFunctionAttributes(this, `${key}-reference`, {
      functionArn,
      role,
      sameEnvironment: true,
    });
    this.#functions.set(key, reference);
    return reference;
  }

  /** The function of a job type: `jobs.handler("resize_image")`, for `bucket.grantRead`. */
  handler(type: string): aws_lambda.IFunction {
    return this.function(`handler-${type}`);
  }

  #resource(name: string): CfnResource {
    const found = this.#resources.get(name);
    if (found === undefined) throw new Error(`there is no resource ${name}`);
    return found;
  }

  /** A value whose references are resolved when the template is synthesised: all resources have their ids then. */
  #lazily(value: Json): IResolvable {
    return Lazy.any({ produce: () => this.#translate(value) });
  }

  /** The value with references to the construct's own resources in the place of those to the plan's ids. */
  #translate(value: Json): unknown {
    if (Array.isArray(value)) return value.map((each: Json) => this.#translate(each));
    if (typeof value !== "object" || value === null) return value;
    const { Ref, "Fn::GetAtt": attribute } = value as { Ref?: string; "Fn::GetAtt"?: [string, string] };
    const named = Ref ?? attribute?.[0] ?? "";
    const own = this.#resources.get(named);
    if (own !== undefined) return attribute === undefined ? own.ref : own.getAtt(attribute[1]);
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.#translate(each)]));
  }
}
