/** The few calls of the peers that the benchmarks make: bench/ has its own dependencies, which the product's checks don't install. */
declare module "graphile-worker" {
  export interface WorkerUtils {
    migrate(): Promise<void>;
    addJob(task: string, payload: unknown): Promise<unknown>;
    addJobs(jobs: readonly { identifier: string; payload: unknown }[]): Promise<unknown>;
    release(): Promise<void>;
  }
  export const makeWorkerUtils: (options: { pgPool: unknown; logger?: unknown }) => Promise<WorkerUtils>;
  export const run: (options: Record<string, unknown>) => Promise<{ stop(): Promise<void> }>;
  export class Logger {
    constructor(factory: () => () => void);
  }
}
declare module "pg-boss" {
  export class PgBoss {
    constructor(options: Record<string, unknown>);
    on(event: "error", listener: (error: unknown) => void): void;
    start(): Promise<void>;
    stop(options: Record<string, unknown>): Promise<void>;
    createQueue(name: string, options: Record<string, unknown>): Promise<void>;
    send(name: string, data: unknown): Promise<string | null>;
    insert(name: string, jobs: readonly { data: unknown }[]): Promise<unknown>;
    work(
      name: string,
      options: Record<string, unknown>,
      handler: (jobs: readonly { data: unknown }[]) => Promise<void>,
    ): Promise<string>;
  }
}
declare module "bullmq" {
  export class Queue {
    constructor(name: string, options: Record<string, unknown>);
    add(name: string, data: unknown): Promise<unknown>;
    addBulk(jobs: readonly { name: string; data: unknown }[]): Promise<unknown>;
    close(): Promise<void>;
  }
  export class Worker {
    constructor(name: string, handler: (job: { data: unknown }) => Promise<unknown>, options: Record<string, unknown>);
    on(event: "completed", listener: () => void): void;
    waitUntilReady(): Promise<unknown>;
    close(force?: boolean): Promise<void>;
  }
}
declare module "autocannon" {
  interface Result {
    readonly requests: { readonly average: number; readonly total: number };
    readonly latency: { readonly p50: number; readonly p99: number };
    readonly non2xx: number;
    readonly errors: number;
  }
  const autocannon: (options: Record<string, unknown>) => Promise<Result>;
  export default autocannon;
}
