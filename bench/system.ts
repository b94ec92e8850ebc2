/** What a benchmark needs of a queue; one file per queue in systems/. */

export interface Payload {
  readonly email: string;
  readonly subject: string;
  readonly body: string;
  readonly n: number;
  /** `performance.now()` of the process that enqueued it. */
  readonly sentAtMs: number;
}

/** About 112 bytes as JSON. */
export const payloadOf = (n: number): Payload => ({
  email: `user${n}@example.com`,
  subject: "Welcome",
  body: "Hello, and welcome",
  n,
  sentAtMs: Math.round(performance.now() * 1000) / 1000,
});

export interface Target {
  /** Postgres' URL of this run's database; Redis' for BullMQ. */
  readonly url: string;
  /** False: completed jobs leave nothing behind, where the queue has that. */
  readonly keepHistory: boolean;
  /** Milliseconds that a proxy adds to each round trip. */
  readonly rttMs: number;
}

export interface Client {
  /** One job, durable when it resolves. With `types`, of the type that the payload's number says: only ForgeQ has more than one. */
  enqueue(payload: Payload, types?: number): Promise<void>;
  enqueueBulk(payloads: readonly Payload[], types?: number): Promise<void>;
  /** Runs a handler that does nothing until `count` jobs are completed durably. */
  drain(count: number): Promise<void>;
  /** Runs a handler that calls `onStart`; resolves when it waits for jobs. */
  serve(onStart: (payload: Payload) => void): Promise<void>;
  close(): Promise<void>;
}

export interface System {
  /** Makes the schema in an empty database, once. */
  prepare(target: Target): Promise<void>;
  open(target: Target): Promise<Client>;
}
