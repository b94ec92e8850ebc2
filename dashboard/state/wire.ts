/** What the API answers, from its own schemas. */
import type * as z from "zod";
import type * as answers from "../../lib/http/answers.ts";

export type Job = z.infer<typeof answers.wholeJob>;
export type ListedJob = z.infer<typeof answers.listedJob>;
export type JobPage = z.infer<typeof answers.jobPage>;
export type Attempt = NonNullable<Job["attempts"]>[number];
export type JobState = Job["state"];
export type Queue = z.infer<typeof answers.queue>;
export type QueueList = z.infer<typeof answers.queueList>;
export type Schedule = z.infer<typeof answers.wholeSchedule>;
export type ScheduleList = z.infer<typeof answers.scheduleList>;

export const STATES = [
  "scheduled",
  "pending",
  "leased",
  "running",
  "completed",
  "dead",
  "cancelled",
] as const satisfies readonly JobState[];

const ENDED: readonly JobState[] = ["completed", "dead", "cancelled"];
export const hasEnded = ({ state }: { readonly state: JobState }): boolean => ENDED.includes(state);
