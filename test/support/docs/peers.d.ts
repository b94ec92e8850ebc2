/** What the examples of docs take from the packages of other queues, which only bench/ installs. */
declare module "bullmq" {
  interface Job {
    readonly id?: string;
    readonly data: unknown;
    readonly timestamp: number;
    readonly delay: number;
    remove(): Promise<void>;
  }
  export interface Queue {
    getJobs(states: readonly ("waiting" | "delayed" | "prioritized")[]): Promise<Job[]>;
  }
}
