import type pg from "pg";
import { toBegunJobs } from "./stored-begun.ts";
import type { TakenLease } from "./take.ts";

/** Who hears of jobs that were begun for a worker. */
export interface Hearer {
  readonly worker: string;
  /** Takes a lease that is begun. */
  readonly take: (lease: TakenLease) => void;
}

/** The worker's side of migrations/functions/hand_over.sql, on the connection that it listens on. */
export interface Hearing {
  readonly channel: string;
  readonly heard: (payload: string) => void;
  /** From now on this worker counts as listening, once it offers room. */
  begin(client: pg.Client): Promise<void>;
  /** From now on nothing is handed over; what was is heard before it resolves, in two seconds at most. */
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

export const createHearing = ({ worker, take }: Hearer): Hearing => {
  const channel = `forgeq_${worker.replaceAll("-", "")}`;
  let heardLast = (): void => undefined;
  return {
    channel,
    heard: (payload) => {
      if (payload === LAST) return heardLast();
      const lease = parseHanded(payload);
      if (lease !== null) take(lease);
    },
    begin: async (client) => {
      await client.query(LISTENS, [worker]);
    },
    end: async (client) => {
      const last = Promise.withResolvers<void>();
      heardLast = last.resolve;
      const late = setTimeout(heardLast, LONGEST_MS);
      client.query(LISTENS_NO_MORE, [worker, channel]).catch(heardLast);
      await last.promise;
      clearTimeout(late);
    },
    broke: () => heardLast(),
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
const parseHanded = (text: string): TakenLease | null => {
  try {
    const [first = "", ...lines] = text.split("\n");
    const { lease: id, type, queue, seconds, max_attempts, ids } = JSON.parse(first) as Header;
    const payloads = lines.slice(0, ids.length);
    const jobs = toBegunJobs({ type, queue, maxAttempts: max_attempts }, ids, payloads, lines.slice(ids.length));
    return { id, type, queue, leaseSeconds: seconds, jobs };
  } catch {
    return null;
  }
};
