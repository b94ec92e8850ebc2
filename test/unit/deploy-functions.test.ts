import { describe, expect, it } from "vitest";

interface Deploy {
  readonly functionPlan: (settings: Record<string, unknown>, key: string) => unknown;
  readonly printFunction: (plan: unknown) => unknown;
  readonly sumConnections: (functions: readonly { key: string; reserved: number | null }[]) => unknown;
  readonly describeSum: (sum: unknown) => string;
}

const load = async (name: string): Promise<Deploy> =>
  (await import(new URL(`../../deploy/${name}.js`, import.meta.url).href)) as Deploy;
const { functionPlan, printFunction } = await load("functions");
const { sumConnections, describeSum } = await load("connections");

const DEFAULTS = {
  subnets: [],
  securityGroups: [],
  dispatcherConcurrency: "",
  handlerConcurrency: "",
  schedulerConcurrency: "",
  failedInvocationConcurrency: "",
};

describe("what is set on a function", () => {
  it("is JSON logs, and for who starts others that it may recurse", () => {
    expect(functionPlan(DEFAULTS, "enqueue")).toEqual({ mayRecurse: false, vpc: null, reserved: null });
    expect(printFunction(functionPlan(DEFAULTS, "enqueue"))).toEqual({ LoggingConfig: { LogFormat: "JSON" } });
    expect(functionPlan(DEFAULTS, "handler-send_email")).toMatchObject({ mayRecurse: true });
  });

  it("is the concurrency that a parameter reserves for it", () => {
    const settings = {
      ...DEFAULTS,
      schedulerConcurrency: "2",
      failedInvocationConcurrency: "3",
      handlerConcurrency: "10",
    };
    const reserved = (key: string) => printFunction(functionPlan(settings, key));
    expect(reserved("scheduler")).toMatchObject({ ReservedConcurrentExecutions: 2 });
    expect(reserved("failed-invocation")).toMatchObject({ ReservedConcurrentExecutions: 3 });
    expect(reserved("handler-send_email")).toMatchObject({ ReservedConcurrentExecutions: 10 });
    expect(reserved("dispatcher")).not.toHaveProperty("ReservedConcurrentExecutions");
  });
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
