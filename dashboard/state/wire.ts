/** What the API answers, from its own schemas. */
import type * as z from "zod";
import type * as answers from "../../lib/http/answers.ts";

export type Job = z.infer<typeof answers.wholeJob>;
export type ListedJob = z.infer<typeof answers.listedJob>;
export type LifePage = z.infer<typeof answers.lifePage>;
export type Life = LifePage["data"][number];
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

export type Overview = z.infer<typeof answers.overview>;
export type Stats = z.infer<typeof answers.stats>;
export type StatsPoint = Stats["points"][number];
export type ErrorList = z.infer<typeof answers.errorList>;
export type ErrorGroup = ErrorList["data"][number];
export type JobCounts = z.infer<typeof answers.jobCounts>;
export type LeaseList = z.infer<typeof answers.leaseList>;
export type Lease = LeaseList["data"][number];
export type WorkerList = z.infer<typeof answers.workerList>;
export type Worker = WorkerList["data"][number];
export type KeyList = z.infer<typeof answers.apiKeyList>;
export type ListedKey = KeyList["data"][number];
export type MadeKey = z.infer<typeof answers.madeApiKey>;
export type SlotPreview = z.infer<typeof answers.schedulePreview>;
