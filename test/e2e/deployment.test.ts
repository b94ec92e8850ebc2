import { join } from "node:path";
import { RegoEngine, TemplateFile } from "@aws/cloudformation-validate";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { functionTimeoutSeconds } from "../../lib/core/timeout.ts";
import { localFunctions } from "../../lib/local/functions.ts";
import { describeArmedTemplate } from "../support/cli/armed-template.ts";
import { arnText, find, type Packaged, packageService } from "../support/cli/package.ts";
import { temporaryFolder } from "../support/cli/start-local.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

const SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forgeq-AbCdEf";
const KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";

const folder = temporaryFolder();
let plain: Packaged;
let full: Packaged;

beforeAll(async () => {
  // One after the other: the framework zips in a folder that both would use.
  plain = await packageService(join(folder.path, "plain"));
  full = await packageService(join(folder.path, "full"), {
    wake: "armed",
    eager: "true",
    reports: "s3://reports-bucket/forgeq/",
    logRetentionDays: "7",
    vpcSubnetIds: "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    vpcSecurityGroupIds: "sg-0123456789abcdef0",
    dispatcherConcurrency: "5",
    ...{ schedulerConcurrency: "2", failedInvocationConcurrency: "3" },
    handlerConcurrency: "10",
    databaseUrlParameter: "/shared/postgres",
    secretParameter: "/shared/secret",
    ...{ throttleRate: "20", throttleBurst: "40", accessLog: "false" },
    databaseSecretArn: SECRET,
    databaseIamUser: "cluster-ABC/forgeq",
    kmsKeyArn: KMS_KEY,
    enqueueDatabaseUrlParameter: "/shared/enqueue",
    workerDatabaseUrlParameter: "/shared/worker",
    handlerDatabaseUrlParameter: "/shared/handler",
  });
});
afterAll(folder.remove);

const HANDLERS = jobs.map(({ type }) => `handler-${type}`);
const KEYS = ["enqueue", "api", "dispatcher", "scheduler", "failed-invocation", ...HANDLERS];
const nameOf = (key: string) => `forgeq-dev-${key}`;

const lambda = (packaged: Packaged, key: string) =>
  find(packaged, "AWS::Lambda::Function", ({ FunctionName }) => FunctionName === nameOf(key));
const roleOf = (packaged: Packaged, key: string) => {
  const [id] = lambda(packaged, key).Properties.Role["Fn::GetAtt"] as [string];
  return packaged.resources[id]!.Properties;
};
const invokeConfig = (packaged: Packaged, key: string) =>
  find(packaged, "AWS::Lambda::EventInvokeConfig", ({ FunctionName }) => FunctionName.Ref === lambda(packaged, key).id)
    .Properties;

/** What a function may do, as `action resource`. */
const allowed = (packaged: Packaged, key: string): string[] => {
  const statements = roleOf(packaged, key).Policies.flatMap(
    ({ PolicyDocument }: { PolicyDocument: { Statement: unknown[] } }) => PolicyDocument.Statement,
  ) as { Effect: string; Action: string | string[]; Resource: unknown }[];
  return statements
    .flatMap(({ Effect, Action, Resource }) =>
      [Action].flat().flatMap((action) => [Resource].flat().map((each) => `${Effect} ${action} ${arnText(each)}`)),
    )
    .sort();
};

const LOGS = (key: string) =>
  ["logs:CreateLogStream", "logs:PutLogEvents"].map(
    (action) => `Allow ${action} arn:logs:log-group:/aws/lambda/${nameOf(key)}:*`,
  );
const READ = (name: string) => `Allow ssm:GetParameters arn:ssm:parameter/${name}`;
const INVOKE = (...keys: string[]) =>
  keys.map((key) => `Allow lambda:InvokeFunction arn:lambda:function:${nameOf(key)}`);

describe("the CloudFormation that serverless.yml makes", () => {
  it("is valid, with the parameters' defaults and with all of them set", () => {
    const engine = new RegoEngine();
    try {
      for (const { file } of [plain, full]) {
        const { diagnostics } = engine.validateStandard(new TemplateFile(file), { severityLevel: "ERROR" });
        expect(diagnostics.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
      }
    } finally {
      engine.free();
    }
  });

  it("has a function for each folder and each part, and no other", () => {
    const names = Object.values(plain.resources)
      .filter(({ Type }) => Type === "AWS::Lambda::Function")
      .map(({ Properties }) => Properties.FunctionName as string);
    expect(names.sort()).toEqual(KEYS.map(nameOf).sort());
  });

  it.each(KEYS)("runs %s on arm64 and Node 24, from an artifact of its own bundle, with bounded logs", (key) => {
    const { id, Properties, DependsOn } = lambda(plain, key);
    expect(Properties).toMatchObject({ Runtime: "nodejs24.x", Architectures: ["arm64"] });
    expect(Properties.Handler).toBe(`.build/${key}/index.handler`);
    expect(Properties.Code.S3Key).toContain(`/${key}.zip`);
    const files = plain.artifact(key);
    expect(files).toContain(`.build/${key}/index.mjs`);
    expect(files.filter((name) => !name.startsWith(`.build/${key}/`))).toEqual([]);

    const logs = find(
      plain,
      "AWS::Logs::LogGroup",
      ({ LogGroupName }) => LogGroupName === `/aws/lambda/${nameOf(key)}`,
    );
    expect(logs.Properties.RetentionInDays).toBe(30);
    expect(DependsOn).toContain(logs.id);
    expect(plain.resources[id.replace("LambdaFunction", "LambdaVersion")]).toBeUndefined();
  });

  it.each(HANDLERS)("never retries %s by itself, and hears of its failures", (key) => {
    const failed = lambda(plain, "failed-invocation").id;
    expect(invokeConfig(plain, key)).toMatchObject({
      Qualifier: "$LATEST",
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
      DestinationConfig: { OnFailure: { Destination: { "Fn::GetAtt": [failed, "Arn"] } } },
    });
    expect(allowed(plain, key)).toContain(INVOKE("failed-invocation")[0]);
  });

  it("keeps the records that failed-invocation can't deal with, and logs JSON from the first line", () => {
    const { OnFailure } = invokeConfig(plain, "failed-invocation").DestinationConfig;
    expect(OnFailure.Destination).toEqual({ "Fn::GetAtt": ["FailedRecords", "Arn"] });
    expect(plain.resources["FailedRecords"]).toMatchObject({ Type: "AWS::SQS::Queue" });
    for (const key of KEYS) expect(lambda(plain, key).Properties.LoggingConfig).toEqual({ LogFormat: "JSON" });
  });

  it("lets jobs enqueue jobs, and nothing else recurse", () => {
    const recursive = KEYS.filter((key) => lambda(plain, key).Properties.RecursiveLoop === "Allow");
    expect(recursive.sort()).toEqual(["dispatcher", ...HANDLERS].sort());
  });

  it("sends every route to its function as payload 2.0", () => {
    const integrations = Object.values(plain.resources).filter(({ Type }) => Type === "AWS::ApiGatewayV2::Integration");
    expect(integrations.map(({ Properties }) => Properties.PayloadFormatVersion)).toEqual(["2.0", "2.0"]);
    const permitted = Object.values(plain.resources).filter(({ Type }) => Type === "AWS::Lambda::Permission");
    expect(permitted.map(({ Properties }) => Properties.FunctionName["Fn::GetAtt"][0]).sort()).toEqual(
      ["api", "dispatcher", "enqueue", "scheduler"].map((key) => lambda(plain, key).id).sort(),
    );
  });

  it("gives each function the rights it needs, and no more", () => {
    const database = READ("forgeq/dev/database-url");
    const keys = READ("forgeq/dev/api-keys");
    const expected: Record<string, string[]> = {
      enqueue: [database, keys, ...INVOKE("dispatcher")],
      api: [database, keys, ...INVOKE("dispatcher")],
      dispatcher: [database, ...INVOKE("dispatcher", ...HANDLERS)],
      scheduler: [database, ...INVOKE("dispatcher")],
      "failed-invocation": [database, ...INVOKE("dispatcher"), "Allow sqs:SendMessage FailedRecords.Arn"],
      ...Object.fromEntries(HANDLERS.map((key) => [key, [database, ...INVOKE("dispatcher", "failed-invocation")]])),
    };
    expected["handler-send_email"]!.push(READ("forgeq/dev/smtp-url"));
    for (const key of KEYS) {
      expect({ [key]: allowed(plain, key) }).toEqual({ [key]: [...LOGS(key), ...expected[key]!].sort() });
      expect(roleOf(plain, key)).not.toHaveProperty("ManagedPolicyArns");
    }
  });

  it("gives a part the URL of its own where a parameter names one, and lets it read no other", () => {
    const urls: Record<string, string> = { enqueue: "shared/enqueue", api: "shared/postgres" };
    for (const key of KEYS) {
      const name = urls[key] ?? (key.startsWith("handler-") ? "shared/handler" : "shared/worker");
      expect(lambda(full, key).Properties.Environment.Variables.FORGEQ_DATABASE_URL_PARAMETER).toBe(`/${name}`);
      const read = allowed(full, key).filter((right) => right.includes("parameter/shared/"));
      const keys = key in urls ? [READ("shared/secret")] : [];
      expect({ [key]: read.sort() }).toEqual({ [key]: [READ(name), ...keys].sort() });
    }
    for (const key of KEYS)
      expect(lambda(plain, key).Properties.Environment.Variables.FORGEQ_DATABASE_URL_PARAMETER).toBe(
        "/forgeq/dev/database-url",
      );
  });

  it("lets producers invoke the handlers where the eager invoke is on, and nowhere else", () => {
    expect(lambda(plain, "enqueue").Properties.Environment.Variables.FORGEQ_EAGER).toBe("false");
    for (const key of ["enqueue", ...HANDLERS]) {
      expect(lambda(full, key).Properties.Environment.Variables.FORGEQ_EAGER).toBe("true");
      expect(allowed(full, key)).toEqual(expect.arrayContaining(INVOKE("dispatcher", ...HANDLERS)));
    }
    for (const key of ["api", "scheduler", "failed-invocation"])
      expect(allowed(full, key).filter((right) => right.includes("handler-"))).toEqual([]);
  });

  it("ticks every minute in the wake mode always, and never in armed", () => {
    const states = (packaged: Packaged) =>
      Object.values(packaged.resources)
        .filter(({ Type, Properties }) => Type === "AWS::Events::Rule" && Properties.EventPattern === undefined)
        .map(({ Properties }) => [
          Properties.ScheduleExpression,
          Properties.State,
          Properties.Targets[0].Arn["Fn::GetAtt"][0],
        ]);
    const rules = (state: string) =>
      ["dispatcher", "scheduler"].map((key) => ["rate(1 minute)", state, lambda(plain, key).id]);
    expect(states(plain).sort()).toEqual(rules("ENABLED").sort());
    expect(states(full).sort()).toEqual(rules("DISABLED").sort());
    expect(lambda(full, "enqueue").Properties.Environment.Variables.FORGEQ_WAKE).toBe("armed");
  });

  it("reserves no concurrency and needs no VPC unless asked to", () => {
    for (const key of KEYS) {
      expect(lambda(plain, key).Properties).not.toHaveProperty("ReservedConcurrentExecutions");
      expect(lambda(plain, key).Properties).not.toHaveProperty("VpcConfig");
    }
  });

  it("takes concurrency, VPC, log retention, the reports' bucket and the names of secrets as parameters", () => {
    for (const key of KEYS) {
      expect(lambda(full, key).Properties.VpcConfig).toEqual({
        SubnetIds: ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        SecurityGroupIds: ["sg-0123456789abcdef0"],
      });
      expect(roleOf(full, key).ManagedPolicyArns.map(arnText)).toEqual([
        "arn:iam:aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
      ]);
      expect(allowed(full, key)).toEqual(
        expect.arrayContaining([
          "Allow rds-db:connect arn:rds-db:dbuser:cluster-ABC/forgeq",
          `Allow secretsmanager:GetSecretValue ${SECRET}`,
          `Allow kms:Decrypt ${KMS_KEY}`,
        ]),
      );
      expect(lambda(full, key).Properties.Environment.Variables).toMatchObject({
        FORGEQ_DATABASE_SECRET: SECRET,
        FORGEQ_DATABASE_IAM: "cluster-ABC/forgeq",
      });
    }
    const readers = KEYS.filter((key) => allowed(full, key).includes(READ("shared/secret")));
    expect(readers.sort()).toEqual(["api", "enqueue"]);
    const reserved = KEYS.map((key) => [key, lambda(full, key).Properties.ReservedConcurrentExecutions]);
    expect(Object.fromEntries(reserved)).toMatchObject({
      ...{ dispatcher: 5, scheduler: 2, "failed-invocation": 3 },
      "handler-send_email": 10,
      enqueue: undefined,
    });
    const logs = Object.values(full.resources).filter(({ Type }) => Type === "AWS::Logs::LogGroup");
    expect(new Set(logs.map(({ Properties }) => Properties.RetentionInDays))).toEqual(new Set([7]));
    expect(allowed(full, "handler-generate_report")).toContain("Allow s3:PutObject arn:s3:reports-bucket/forgeq/*");
  });

  it("lets 500 requests a second through the gateway, 1,000 together, and logs each, unless a parameter says otherwise", () => {
    const stage = (packaged: Packaged) => find(packaged, "AWS::ApiGatewayV2::Stage", () => true).Properties;
    expect(stage(plain)).toMatchObject({
      DefaultRouteSettings: { DetailedMetricsEnabled: true, ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
      AccessLogSettings: { DestinationArn: { "Fn::GetAtt": ["HttpApiAccessLog", "Arn"] } },
    });
    expect(stage(plain).AccessLogSettings.Format).not.toMatch(/header|authori|query|body/i);
    expect(plain.resources["HttpApiAccessLog"]).toMatchObject({ Type: "AWS::Logs::LogGroup" });
    expect(stage(full).DefaultRouteSettings).toMatchObject({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 });
    expect(stage(full)).not.toHaveProperty("AccessLogSettings");
    expect(full.resources).not.toHaveProperty("HttpApiAccessLog");
  });

  it("has room for its jobs in each handler's time, and names that Lambda takes", () => {
    for (const { type, timeoutSeconds } of jobs) {
      const { Timeout, FunctionName } = lambda(plain, `handler-${type}`).Properties;
      expect({ type, Timeout }).toEqual({ type, Timeout: functionTimeoutSeconds(timeoutSeconds) });
      expect(Timeout).toBeGreaterThan(timeoutSeconds);
      expect(FunctionName.length).toBeLessThanOrEqual(64);
    }
  });

  it("is what runs locally", () => {
    for (const [name, local] of Object.entries(localFunctions("/project", "forgeq-dev", jobs))) {
      const key = name.slice(nameOf("").length);
      const { MaximumRetryAttempts, MaximumEventAgeInSeconds = 21_600, DestinationConfig } = invokeConfig(plain, key);
      expect({ name, ...local }).toEqual({
        name,
        file: `/project/.build/${key}/index.mjs`,
        concurrency: local.concurrency,
        timeoutSeconds: lambda(plain, key).Properties.Timeout,
        maximumRetryAttempts: MaximumRetryAttempts,
        maximumEventAgeSeconds: MaximumEventAgeInSeconds,
        ...(DestinationConfig.OnFailure === undefined || key === "failed-invocation"
          ? {}
          : { onFailure: nameOf("failed-invocation") }),
      });
    }
  });
});

describeArmedTemplate(() => full.resources);
