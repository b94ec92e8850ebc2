import type pg from "pg";
import { detailLines } from "./enqueue-wire.ts";
import { toLeasedJob } from "./leased-job.ts";
import type { TakenLease } from "./take.ts";

/** A worker that jobs are pushed to. */
export interface PushReceiver {
  readonly worker: string;
  /** Takes a lease that is begun. */
  readonly take: (lease: TakenLease) => void;
}

/** The worker's side of migrations/functions/choose_worker.sql, on the connection that it listens on. */
export interface PushChannel {
  readonly channel: string;
  readonly received: (payload: string) => void;
  /** From now on this worker counts as listening, once it offers capacity. */
  begin(client: pg.Client): Promise<void>;
  /** From now on nothing is pushed; pushes under way arrive before it resolves, in two seconds at most. */
  end(client: pg.Client): Promise<void>;
  /** The connection broke. */
  readonly broke: () => void;
}

const LAST = "last";
const LONGEST_MS = 2_000;

const LISTENS = "/* forgeq:listen */ select pg_advisory_lock_shared(forgeq.worker_lock($1, 3))";
const LISTENS_NO_MORE = `/* forgeq:listen */
with alone as materialized (select pg_advisory_lock(forgeq.worker_lock($1, 4)))
select pg_notify($2, '${LAST}'), pg_advisory_unlock_shared(forgeq.worker_lock($1, 3)) from alone`;

export const createPushChannel = ({ worker, take }: PushReceiver): PushChannel => {
  const channel = `forgeq_${worker.replaceAll("-", "")}`;
  let receivedLast = (): void => undefined;
  return {
    channel,
    received: (payload) => {
      if (payload === LAST) return receivedLast();
      const lease = parsePush(payload);
      if (lease !== null) take(lease);
    },
    begin: async (client) => {
      await client.query(LISTENS, [worker]);
    },
    end: async (client) => {
      const last = Promise.withResolvers<void>();
      receivedLast = last.resolve;
      const late = setTimeout(receivedLast, LONGEST_MS);
      client.query(LISTENS_NO_MORE, [worker, channel]).catch(receivedLast);
      await last.promise;
      clearTimeout(late);
    },
    broke: () => receivedLast(),
  };
};

interface Header {
  readonly lease: string;
  readonly type: string;
  readonly queue: string;
  readonly seconds: number;
  readonly max_attempts: number;
  readonly ids: readonly string[];
}

/** Null for what somebody else sent there. */
const parsePush = (text: string): TakenLease | null => {
  try {
    const [first = "", ...lines] = text.split("\n");
    const { lease: id, type, queue, seconds, max_attempts: maxAttempts, ids } = JSON.parse(first) as Header;
    const details = detailLines(lines.length > ids.length ? lines.slice(ids.length).join("\n") : null);
    const jobs = ids.map((jobId, n) =>
      toLeasedJob({ type, queue, maxAttempts }, jobId, JSON.parse(lines[n] ?? "") as unknown, details[n] ?? null),
    );
    return { id, type, queue, leaseSeconds: seconds, jobs };
  } catch {
    return null;
  }
};
