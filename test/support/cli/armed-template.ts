import { describe, expect, it } from "vitest";
import type { Packaged } from "./package.ts";

const ofType = (resources: Packaged["resources"], type: string) =>
  Object.entries(resources).filter(([, { Type }]) => Type === type);
const flat = (value: unknown): string => JSON.stringify(value);

/** What the wake mode armed adds to a template. Given by the one file that packages, because the framework zips in one folder. */
export const describeArmedTemplate = (resources: () => Packaged["resources"]): void => {
  describe("the template of the wake mode armed", () => {
    it("has one schedule group, no recurring rule that is enabled, and one tick after a deploy of this stack", () => {
      expect(ofType(resources(), "AWS::Scheduler::ScheduleGroup").map(([, { Properties }]) => Properties)).toEqual([
        { Name: "forgeq-dev" },
      ]);
      const rules = ofType(resources(), "AWS::Events::Rule").map(([, { Properties }]) => Properties);
      const recurring = rules.filter((each) => each["ScheduleExpression"] !== undefined);
      expect(recurring).toHaveLength(2);
      for (const each of recurring) expect(each["State"]).toBe("DISABLED");
      expect(rules.filter((each) => !recurring.includes(each))).toEqual([
        {
          EventPattern: {
            source: ["aws.cloudformation"],
            "detail-type": ["CloudFormation Stack Status Change"],
            detail: {
              "stack-id": [{ Ref: "AWS::StackId" }],
              "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] },
            },
          },
          Targets: [{ Id: "scheduler", Arn: { "Fn::GetAtt": ["SchedulerLambdaFunction", "Arn"] }, Input: "{}" }],
        },
      ]);
    });

    it("has a role that EventBridge Scheduler assumes, which may invoke the scheduler function and nothing else", () => {
      const { AssumeRolePolicyDocument, Policies } = resources()["WakeRole"]!.Properties;
      expect(AssumeRolePolicyDocument.Statement).toMatchObject([
        { Principal: { Service: "scheduler.amazonaws.com" }, Action: "sts:AssumeRole" },
      ]);
      expect(Policies).toHaveLength(1);
      const { Statement } = Policies[0].PolicyDocument;
      expect(Statement).toHaveLength(1);
      expect(Statement[0]).toMatchObject({ Effect: "Allow", Action: "lambda:InvokeFunction" });
      expect(flat(Statement[0].Resource)).toContain("function:forgeq-dev-scheduler");
      expect(flat(Statement[0].Resource)).not.toContain("*");
    });

    it("lets functions create wakes in that group, pass that role, and nothing wider", () => {
      const roles = ofType(resources(), "AWS::IAM::Role").filter(([name]) => name !== "WakeRole");
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
                    "schedule/forgeq-dev/wake-*",
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
      const { Variables } = resources()["EnqueueLambdaFunction"]!.Properties["Environment"];
      expect(Variables).toMatchObject({
        FORGEQ_WAKE: "armed",
        FORGEQ_WAKE_GROUP: "forgeq-dev",
        FORGEQ_WAKE_ROLE_ARN: { "Fn::GetAtt": ["WakeRole", "Arn"] },
      });
      expect(flat(Variables.FORGEQ_WAKE_TARGET_ARN)).toContain("function:forgeq-dev-scheduler");
    });
  });
};
