import { describe, expect, it } from "vitest";
import type { GivenParameters } from "../../lib/deploy/parameters.ts";
import { PARAMETERS } from "../../lib/deploy/parameters.ts";
import { deploymentPlan, type PlanInput } from "../../lib/deploy/plan.ts";
import { describeSum, sumConnections } from "../../lib/serverless/connections.ts";
import { readSettings } from "../../lib/serverless/settings.ts";
import { textOf } from "../support/sources.ts";

const INPUT: PlanInput = {
  service: "store",
  stage: "dev",
  jobs: [{ type: "send_email", timeoutSeconds: 30 }],
};

const plannedOf = (key: string, parameters: GivenParameters = {}) =>
  deploymentPlan({ ...INPUT, parameters }).functions.find((each) => each.key === key);

describe("what is planned for a function", () => {
  it("is its name, its time, and for who starts others that it may recurse", () => {
    expect(plannedOf("enqueue")).toMatchObject({ name: "store-dev-enqueue", mayRecurse: false, reserved: null });
    expect(plannedOf("handler-send_email")).toMatchObject({ timeoutSeconds: 60, memorySize: 256, mayRecurse: true });
  });

  it("is the concurrency that a parameter reserves for it", () => {
    const parameters = { schedulerConcurrency: "2", failedInvocationConcurrency: 3, handlerConcurrency: "10" };
    expect(plannedOf("scheduler", parameters)?.reserved).toBe(2);
    expect(plannedOf("failed-invocation", parameters)?.reserved).toBe(3);
    expect(plannedOf("handler-send_email", parameters)?.reserved).toBe(10);
    expect(plannedOf("dispatcher", parameters)?.reserved).toBeNull();
  });

  it("is what the settings of its handler say", () => {
    const { functions, resources } = deploymentPlan({
      ...INPUT,
      handlers: {
        send_email: {
          memorySize: 512,
          environment: { MAIL_FROM: "a@example.com" },
          statements: [{ Effect: "Allow", Action: "ses:SendEmail", Resource: "*" }],
        },
      },
    });
    const [handler] = functions.filter(({ key }) => key === "handler-send_email");
    expect(handler).toMatchObject({ memorySize: 512, environment: { MAIL_FROM: "a@example.com" } });
    expect(JSON.stringify(resources["HandlerSendEmailRole"])).toContain("ses:SendEmail");
    expect(JSON.stringify(resources["EnqueueRole"])).not.toContain("ses:SendEmail");
  });
});

describe("a plan is refused in one sentence", () => {
  it.each<[string, Partial<PlanInput>, RegExp]>([
    ["a name of over 64 characters", { service: "s".repeat(60) }, /at most 64 characters: shorten .*-enqueue/],
    [
      "a type whose function has one",
      { jobs: [{ type: "t".repeat(40), timeoutSeconds: 1 }], service: "a-service-of-a-name" },
      /handler-t+$/,
    ],
    [
      "an unknown parameter",
      { parameters: { wakee: "armed" } as never },
      /no parameter wakee; the parameters are wake,/,
    ],
    ["a wake mode that there is not", { parameters: { wake: "never" } }, /wake is always or armed, not "never"/],
    ["a number that is none", { parameters: { lateSeconds: "soon" } }, /lateSeconds is a whole number, not "soon"/],
    ["a flag that is none", { parameters: { alarms: "yes" } }, /alarms is true or false, not "yes"/],
    ["a base path without a slash", { parameters: { basePath: "queue" } }, /basePath is a path such as \/queue/],
    ["subnets without a security group", { parameters: { vpcSubnetIds: "subnet-1" } }, /are given together/],
    ["a type in two folders", { jobs: [...INPUT.jobs, ...INPUT.jobs] }, /the job type send_email is there twice/],
    ["settings of a type that there is not", { handlers: { send_mail: {} } }, /no such job type/],
  ])("%s", (_, changed, message) => {
    expect(() => deploymentPlan({ ...INPUT, ...changed })).toThrow(message);
  });

  it.each<[string, unknown, RegExp]>([
    ["an unknown setting of the plugin", { jbos: "src/jobs" }, /forgeq: there is no setting jbos; there are jobs,/],
    ["a folder that is none", { jobs: 3 }, /forgeq: jobs is a folder/],
    ["an unknown setting of a handler", { handlers: { a: { memory: 1 } } }, /no setting memory for the handler of a/],
    ["a text instead of settings", "src/jobs", /forgeq: is an object of settings/],
  ])("%s", (_, block, message) => {
    expect(() => readSettings(block, "store")).toThrow(message);
  });
});

it("serverless.yml lists each parameter of the plan", () => {
  const [, params = ""] = /params:\n {2}default:\n([\s\S]*?)\n\n/.exec(textOf("serverless.yml")) ?? [];
  const listed = [...params.matchAll(/^ {4}(\w+):/gm)].map(([, name]) => name);
  const ofExamples = ["smtpUrlParameter", "mailFrom", "crawlAllow", "reports"];
  expect(listed.toSorted()).toEqual([...Object.keys(PARAMETERS), ...ofExamples].toSorted());
});

it("says what it means when no concurrency is reserved", () => {
  const sum = sumConnections([{ key: "dispatcher", reserved: null }]);
  expect(describeSum(sum)).toBe(
    "No concurrency is reserved: the account's limit alone bounds how many connections to Postgres the functions open (docs/databases.md).",
  );
});

it("the sum of reserved concurrencies counts the connections of each kind of function", () => {
  const sum = sumConnections([
    { key: "dispatcher", reserved: 5 },
    { key: "handler-send_email", reserved: 10 },
    { key: "scheduler", reserved: 2 },
    { key: "enqueue", reserved: null },
  ]);
  expect(sum).toEqual({ connections: 37, concurrency: 17, unlimited: ["enqueue"] });
  expect(describeSum(sum)).toBe(
    "Reserved concurrency: 17 in all, which is 37 connections to Postgres at most (docs/databases.md). Without a limit of their own: enqueue.",
  );
});
