import type { Armer } from "../queue/deps.ts";
import { reasonOf } from "../core/reason.ts";
import { type AwsAccess, isServerFault, sendAgain } from "./request.ts";

const TIMEOUT_MS = 2_000;
const MINUTE_MS = 60_000;
const MESSAGE_CHARACTERS = 300;

/** One more try, for what a moment mends. */
const RETRIES = { tries: 2, firstPauseMs: 50, longestPauseMs: 50, isPassing: isServerFault };

export interface ArmerOptions extends AwsAccess {
  /** The schedule group: all that the role may create in. */
  readonly group: string;
  /** The scheduler function. */
  readonly targetArn: string;
  /** What EventBridge Scheduler assumes to invoke it. */
  readonly roleArn: string;
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
export const createArmer = (options: ArmerOptions): Armer => ({
  arm: async (minuteMs) => {
    const { Name, ...body } = createScheduleInput(options, minuteMs);
    const request = {
      service: "scheduler",
      method: "POST",
      path: `/schedules/${encodeURIComponent(Name)}`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    } as const;
    try {
      const { status, text } = await sendAgain(options, request, RETRIES);
      if (status >= 200 && status < 300) return { outcome: "armed" };
      if (status === 409) return { outcome: "armed_before" };
      return { outcome: "failed", message: `HTTP ${status}: ${text.slice(0, MESSAGE_CHARACTERS)}` };
    } catch (error) {
      return { outcome: "failed", message: reasonOf(error) };
    }
  },
});
