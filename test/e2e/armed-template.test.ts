import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- a template has any shape
}

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "forgeq-package-"));
let resources: Record<string, Resource>;

beforeAll(async () => {
  const serverless = dirname(createRequire(import.meta.url).resolve("serverless/package.json"));
  const args = ["package", "--package", folder, "--stage", "prod", "--param", "wake=armed"];
  await promisify(execFile)(process.execPath, [join(serverless, "bin", "serverless.js"), ...args], {
    cwd: root,
    env: { ...process.env, SLS_TELEMETRY_DISABLED: "1" },
  });
  const template = readFileSync(join(folder, "cloudformation-template-update-stack.json"), "utf8");
  resources = (JSON.parse(template) as { Resources: Record<string, Resource> }).Resources;
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ofType = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);
const flat = (value: unknown): string => JSON.stringify(value);

describe("the template of the wake mode armed", () => {
  it("has one schedule group, and no rule that is enabled", () => {
    expect(ofType("AWS::Scheduler::ScheduleGroup").map(([, { Properties }]) => Properties)).toEqual([
      { Name: "forgeq-prod" },
    ]);
    const rules = ofType("AWS::Events::Rule");
    expect(rules).toHaveLength(2);
    for (const [, { Properties }] of rules) expect(Properties["State"]).toBe("DISABLED");
  });

  it("has a role that EventBridge Scheduler assumes, which may invoke the scheduler function and nothing else", () => {
    const { AssumeRolePolicyDocument, Policies } = resources["WakeRole"]!.Properties;
    expect(AssumeRolePolicyDocument.Statement).toMatchObject([
      { Principal: { Service: "scheduler.amazonaws.com" }, Action: "sts:AssumeRole" },
    ]);
    expect(Policies).toHaveLength(1);
    const { Statement } = Policies[0].PolicyDocument;
    expect(Statement).toHaveLength(1);
    expect(Statement[0]).toMatchObject({ Effect: "Allow", Action: "lambda:InvokeFunction" });
    expect(flat(Statement[0].Resource)).toContain("function:forgeq-prod-scheduler");
    expect(flat(Statement[0].Resource)).not.toContain("*");
  });

  it("lets functions create wakes in that group, pass that role, and nothing wider", () => {
    const roles = ofType("AWS::IAM::Role").filter(([name]) => name !== "WakeRole");
    const seen = roles.map(([name, { Properties }]) => {
      const statements = Properties["Policies"].flatMap((policy: any) => policy.PolicyDocument.Statement); // eslint-disable-line
      const about = statements.filter((each: unknown) => /"(scheduler|iam):[A-Z]/.test(flat(each)));
      expect(about, name).toEqual([
        {
          Effect: "Allow",
          Action: "scheduler:CreateSchedule",
          Resource: [
            {
              "Fn::Join": [
                ":",
                [
                  "arn",
                  { Ref: "AWS::Partition" },
                  "scheduler",
                  { Ref: "AWS::Region" },
                  { Ref: "AWS::AccountId" },
                  "schedule/forgeq-prod/wake-*",
                ],
              ],
            },
          ],
        },
        {
          Effect: "Allow",
          Action: "iam:PassRole",
          Resource: [{ "Fn::GetAtt": ["WakeRole", "Arn"] }],
          Condition: { StringEquals: { "iam:PassedToService": "scheduler.amazonaws.com" } },
        },
      ]);
      return name;
    });
    expect(seen.sort()).toEqual([
      "ApiRole",
      "DispatcherRole",
      "EnqueueRole",
      "FailedInvocationRole",
      "HandlerCrawlPageRole",
      "HandlerGenerateReportRole",
      "HandlerSendEmailRole",
      "SchedulerRole",
    ]);
  });

  it("tells the functions what to arm", () => {
    const { Variables } = resources["EnqueueLambdaFunction"]!.Properties["Environment"];
    expect(Variables).toMatchObject({
      FORGEQ_WAKE: "armed",
      FORGEQ_WAKE_GROUP: "forgeq-prod",
      FORGEQ_WAKE_ROLE_ARN: { "Fn::GetAtt": ["WakeRole", "Arn"] },
    });
    expect(flat(Variables.FORGEQ_WAKE_TARGET_ARN)).toContain("function:forgeq-prod-scheduler");
  });
});
