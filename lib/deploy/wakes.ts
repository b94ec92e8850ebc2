/** What the wake mode `armed` needs: a group and a role for its one-shots, and the ticks in addition to them. */
import { arnOf, type Ids, invoke, type Json, type Resource, type Resources } from "./names.ts";

const SOURCE = { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } };

/** The role that EventBridge Scheduler has while it invokes the scheduler function. */
const wakeRole = (prefix: string): Resource => ({
  Type: "AWS::IAM::Role",
  Properties: {
    AssumeRolePolicyDocument: {
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { Service: "scheduler.amazonaws.com" },
          Action: "sts:AssumeRole",
          Condition: SOURCE,
        },
      ],
    },
    Policies: [
      {
        PolicyName: "wake",
        PolicyDocument: { Version: "2012-10-17", Statement: [invoke(prefix, ["scheduler"])] },
      },
    ],
  },
});

/** A tick in addition to the armed ones: `when` is the rule's schedule or pattern. */
const tick = (
  ids: Ids,
  name: string,
  when: Readonly<Record<string, Json>>,
  event: Readonly<Record<string, Json>> = {},
): Resources => {
  const scheduler = arnOf(ids.function("scheduler"));
  const rule = ids.resource(`${name}Rule`);
  return {
    [rule]: {
      Type: "AWS::Events::Rule",
      Properties: { ...when, Targets: [{ Id: "scheduler", Arn: scheduler, ...event }] },
    },
    [ids.resource(`${name}Permission`)]: {
      Type: "AWS::Lambda::Permission",
      Properties: {
        Action: "lambda:InvokeFunction",
        FunctionName: scheduler,
        Principal: "events.amazonaws.com",
        SourceArn: arnOf(rule),
      },
    },
  };
};

/** The end of a deploy. What its migration left in the database, as new schedules, has armed no wake yet. */
const DEPLOYED = {
  EventPattern: {
    source: ["aws.cloudformation"],
    "detail-type": ["CloudFormation Stack Status Change"],
    detail: {
      "stack-id": [{ Ref: "AWS::StackId" }],
      "status-details": { status: ["CREATE_COMPLETE", "UPDATE_COMPLETE"] },
    },
  },
};

/** @param settings.backstop - how often a tick comes although none was armed: `rate(6 hours)`; "" for never */
export const wakeResources = ({
  ids,
  prefix,
  backstop,
}: {
  readonly ids: Ids;
  readonly prefix: string;
  readonly backstop: string;
}): Resources => ({
  [ids.resource("WakeGroup")]: { Type: "AWS::Scheduler::ScheduleGroup", Properties: { Name: prefix } },
  [ids.resource("WakeRole")]: wakeRole(prefix),
  ...tick(ids, "Deployed", DEPLOYED, { Input: "{}" }),
  ...(backstop === "" ? {} : tick(ids, "Backstop", { ScheduleExpression: backstop })),
});
