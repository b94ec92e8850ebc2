// What the wake mode `armed` needs: a group and a role for its one-shots, and the ticks in addition to them.
import { invoke, logicalId } from "./names.js";

const SOURCE = { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } };

/** The role that EventBridge Scheduler has while it invokes the scheduler function. */
const wakeRole = (prefix) => ({
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
const tick = (name, when, event = {}) => {
  const scheduler = { "Fn::GetAtt": [logicalId("scheduler"), "Arn"] };
  return {
    [`${name}Rule`]: {
      Type: "AWS::Events::Rule",
      Properties: { ...when, Targets: [{ Id: "scheduler", Arn: scheduler, ...event }] },
    },
    [`${name}Permission`]: {
      Type: "AWS::Lambda::Permission",
      Properties: {
        Action: "lambda:InvokeFunction",
        FunctionName: scheduler,
        Principal: "events.amazonaws.com",
        SourceArn: { "Fn::GetAtt": [`${name}Rule`, "Arn"] },
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
export const wakeResources = ({ prefix, armed, backstop }) =>
  armed
    ? {
        WakeGroup: { Type: "AWS::Scheduler::ScheduleGroup", Properties: { Name: prefix } },
        WakeRole: wakeRole(prefix),
        ...tick("Deployed", DEPLOYED, { Input: "{}" }),
        ...(backstop === "" ? {} : tick("Backstop", { ScheduleExpression: backstop })),
      }
    : {};
