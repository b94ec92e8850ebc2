import type * as z from "zod";
import type { JobDefinition } from "../../core/job.ts";
import type { Deps } from "../deps.ts";
import type { Work } from "../run/run-job.ts";
import { type LeaseInput, type LeaseReport, runLease } from "./run-lease.ts";
import { runOn } from "./run-on.ts";

export interface InvocationReport extends LeaseReport {
  /** In drain mode, jobs that the invocation ran in addition to those of its lease. */
  readonly ranOn?: number;
}

/** One invocation of a handler: its lease, and in drain mode whatever else waits in its queue. */
export const runInvocation = async <Schema extends z.ZodType>(
  deps: Deps,
  definition: JobDefinition<Schema>,
  work: Work<Schema>,
  input: LeaseInput,
): Promise<InvocationReport> => {
  const report = await runLease(deps, definition, work, input);
  if (!definition.drain || report.outcome !== "ran") return report;
  return { ...report, ranOn: await runOn(deps, definition, work, input) };
};
