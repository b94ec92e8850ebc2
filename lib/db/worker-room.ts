import { call } from "./call.ts";
import type { Db } from "./client.ts";
import type { LeasedJob } from "./leases.ts";
import type { TakenLease } from "./take.ts";

/** What a worker that listens offers to who enqueues. */
export interface Room {
  /** Null: all. */
  readonly queues: readonly string[] | null;
  readonly types: readonly string[];
  /** For so many seconds from now; 0: there is none any more. */
  readonly seconds: number;
}

const OFFER = `/* forgeq:offer_room */
select forgeq.offer_room($1::uuid, $2::jsonb, $3, $4::timestamptz)`;

/** Says what a worker has room for, in a statement of its own. */
export const offerRoom = async (
  db: Db,
  input: { readonly worker: string; readonly room: Room; readonly invocation: string | null; readonly at: Date | null },
): Promise<void> => {
  await call(db, OFFER, [input.worker, JSON.stringify(input.room), input.invocation, input.at]);
};

/** Where a worker hears of jobs that are handed to it. */
export const channelOf = (worker: string): string => `forgeq_${worker.replaceAll("-", "")}`;

interface Header {
  readonly lease: string;
  readonly type: string;
  readonly queue: string;
  readonly seconds: number;
  readonly max_attempts: number;
  readonly ids: readonly string[];
}

interface Details {
  readonly max_attempts?: number;
  readonly depth?: number;
  readonly traceparent?: string;
  readonly metadata?: Record<string, unknown>;
}

/** Reads the notification that migrations/functions/hand_over.sql sends; null for what somebody else sent there. */
export const parseHanded = (text: string): TakenLease | null => {
  try {
    const [first = "", ...lines] = text.split("\n");
    const { lease: id, type, queue, seconds, max_attempts, ids } = JSON.parse(first) as Header;
    const jobs = ids.map((jobId, n): LeasedJob => {
      const details = JSON.parse(lines[ids.length + n] ?? "{}") as Details;
      return {
        id: jobId,
        type,
        queue,
        attempt: 1,
        maxAttempts: details.max_attempts ?? max_attempts,
        depth: details.depth ?? 0,
        waitedMs: null,
        traceparent: details.traceparent ?? null,
        metadata: details.metadata ?? null,
        payload: JSON.parse(lines[n] ?? "") as unknown,
      };
    });
    return { id, type, queue, leaseSeconds: seconds, jobs };
  } catch {
    return null;
  }
};
