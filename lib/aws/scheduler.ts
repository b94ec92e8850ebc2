import { AwsClient } from "aws4fetch";
import type { Armer } from "../queue/deps.ts";
import type { AwsAccess } from "./s3-put.ts";
import { reasonOf } from "../core/reason.ts";

const TIMEOUT_MS = 2_000;
const MINUTE_MS = 60_000;
const MESSAGE_CHARACTERS = 300;

export interface ArmerOptions {
  readonly region: string;
  readonly credentials: () => AwsAccess["credentials"];
  /** The schedule group: all that the role may create in. */
  readonly group: string;
  /** The scheduler function. */
  readonly targetArn: string;
  /** What EventBridge Scheduler assumes to invoke it. */
  readonly roleArn: string;
  /** The URL of a stand-in; that of AWS unless given. */
  readonly endpoint?: string;
}

/** A minute in UTC as `2026-11-24T12:59`. */
const minuteOf = (minuteMs: number): string => new Date(minuteMs).toISOString().slice(0, 16);

/** What CreateSchedule is asked for: one shot in one minute, deleted afterwards, named by the minute so that it exists once. */
export const createScheduleInput = (
  { group, targetArn, roleArn }: Pick<ArmerOptions, "group" | "targetArn" | "roleArn">,
  minuteMs: number,
) => {
  const minute = minuteOf(minuteMs);
  const Name = `wake-${minute.replaceAll(/[-:]/g, "")}`;
  const Input = JSON.stringify({ until: new Date(minuteMs + MINUTE_MS).toISOString() });
  return {
    Name,
    ActionAfterCompletion: "DELETE" as const,
    ClientToken: Name,
    FlexibleTimeWindow: { Mode: "OFF" as const },
    GroupName: group,
    ScheduleExpression: `at(${minute}:00)`,
    ScheduleExpressionTimezone: "UTC",
    Target: { Arn: targetArn, Input, RoleArn: roleArn },
  };
};

/**
 * EventBridge Scheduler's CreateSchedule, as one signed request; a schedule is never changed, and deletes itself after it fired.
 * https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
 */
export const createArmer = (options: ArmerOptions): Armer => {
  const base = options.endpoint ?? `https://scheduler.${options.region}.amazonaws.com`;
  return {
    arm: async (minuteMs) => {
      const { Name, ...body } = createScheduleInput(options, minuteMs);
      const { accessKeyId, secretAccessKey, sessionToken } = options.credentials();
      const aws = new AwsClient({
        accessKeyId: accessKeyId || "local",
        secretAccessKey: secretAccessKey || "local",
        ...(sessionToken === undefined ? {} : { sessionToken }),
        service: "scheduler",
        region: options.region,
        retries: 1,
      });
      try {
        const response = await aws.fetch(`${base}/schedules/${encodeURIComponent(Name)}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const text = await response.text();
        if (response.ok) return { outcome: "armed" };
        if (response.status === 409) return { outcome: "armed_before" };
        return { outcome: "failed", message: `HTTP ${response.status}: ${text.slice(0, MESSAGE_CHARACTERS)}` };
      } catch (error) {
        return { outcome: "failed", message: reasonOf(error) };
      }
    },
  };
};
