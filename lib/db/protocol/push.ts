import { randomUUID } from "node:crypto";
import type pg from "pg";
import { only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { offerCapacity } from "./capacity-offer.ts";
import { detailLines } from "./enqueue-wire.ts";
import { toLeasedJob } from "./leased-job.ts";
import type { PushAddress } from "./push-address.ts";
import type { TakenLease } from "./take.ts";

/** A worker that jobs are pushed to. */
export interface PushReceiver {
  readonly worker: string;
  readonly address: PushAddress;
  /** Takes a lease that is begun. */
  readonly take: (lease: TakenLease) => void;
  /** The probe of an offer has arrived: see migrations/functions/probe_listener.sql. */
  readonly probed?: (probe: string) => void;
  /** Something arrived that the database has not sent, or that had come before: it starts nothing. */
  readonly ignored?: () => void;
}

/** The worker's side of migrations/functions/choose_worker.sql, on the connection that it listens on. */
export interface PushChannel {
  readonly received: (payload: string) => void;
  /** Notifications of this worker arrive from now on. */
  listen(client: pg.Client): Promise<void>;
  /** From now on this worker counts as listening, once it offers capacity. */
  begin(client: pg.Client): Promise<void>;
  /**
   * From now on nothing is pushed; pushes under way arrive before it resolves. It waits as long as their commits take, `longestMs` at most.
   *
   * @param db - asked, after two seconds, whether pushes are under way at all
   * @returns false where it did not hear the end, so that pushes may have been lost
   */
  end(client: pg.Client, db: Db, longestMs: number): Promise<boolean>;
  /** The connection broke. */
  readonly broke: () => void;
}

const PROBE = "probe ";
/** A connection that is well has told the end by then, unless a push is under way. */
const SOON_MS = 2_000;
const PAUSE_MS = 100;
/** A database that is away is not waited for longer. */
const ANSWER_MS = 5_000;

const LISTEN = "/* forgeq:listen */ select forgeq.listen_to($1)";
const LISTENS = "/* forgeq:listen */ select pg_advisory_lock_shared(forgeq.worker_lock($1, 3))";
const LISTENS_NO_MORE = `/* forgeq:listen */
with alone as materialized (select pg_advisory_lock(forgeq.worker_lock($1, 4)))
select pg_notify($2, $3), pg_advisory_unlock_shared(forgeq.worker_lock($1, 3)) from alone`;

// A push under way holds lock 4, shared; the worker's own end holds it, or waits for it, exclusively.
const PUSHES = `/* forgeq:pushes_under_way */
select exists (
  select from pg_locks l
  cross join forgeq.worker_lock($1::uuid, 4) as key
  where l.locktype = 'advisory' and l.granted and l.mode = 'ShareLock' and l.objsubid = 1
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    and l.classid::bigint = (key >> 32) & 4294967295 and l.objid::bigint = key & 4294967295) as pushes`;

/** The text of a probe, as an offer carries it. */
export const probeText = (n: number): string => `${PROBE}${n}`;

const within = async (promise: Promise<unknown>, ms: number): Promise<void> => {
  const { promise: passed, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([promise, passed]);
  clearTimeout(timer);
};

/** Waits while pushes are under way and their end was not heard: the connection is silent, or a commit is slow. */
const waitForPushes = async (db: Db, worker: string, isOver: () => boolean): Promise<void> => {
  // A connection that is silent can't say that it listens no more.
  const nothing = { queues: null, types: [], seconds: 0 };
  const withdrawn = offerCapacity(db, { worker, offer: nothing, invocation: null, at: null }).catch(() => undefined);
  await within(withdrawn, ANSWER_MS);
  while (!isOver() && only(await db.query<{ pushes: boolean }>(PUSHES, [worker])).pushes)
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
};

export const createPushChannel = ({ worker, address, take, probed, ignored }: PushReceiver): PushChannel => {
  const last = `last ${randomUUID()}`;
  let ends = (_heard: boolean): void => undefined;
  return {
    received: (payload) => {
      if (payload === last) return ends(true);
      if (payload.startsWith(PROBE)) return probed?.(payload);
      const message = address.open(payload);
      const lease = message === null ? null : parsePush(message);
      if (lease === null) ignored?.();
      else take(lease);
    },
    listen: async (client) => {
      await client.query(LISTEN, [address.channel]);
    },
    begin: async (client) => {
      await client.query(LISTENS, [worker]);
    },
    end: async (client, db, longestMs) => {
      const untilMs = performance.now() + longestMs;
      const over = Promise.withResolvers<void>();
      let heard = false;
      ends = (did) => {
        heard ||= did;
        over.resolve();
      };
      const values = [worker, address.channel, last];
      client
        .query({ text: LISTENS_NO_MORE, values, query_timeout: longestMs } as pg.QueryConfig)
        .catch(() => ends(false));
      await within(over.promise, Math.min(SOON_MS, longestMs));
      const isOver = () => heard || performance.now() >= untilMs;
      if (!heard) await waitForPushes(db, worker, isOver).catch(() => undefined);
      return heard;
    },
    broke: () => ends(false),
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

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Null for what is no lease and its jobs. */
const parsePush = (text: string): TakenLease | null => {
  try {
    const [first = "", ...lines] = text.split("\n");
    const { lease: id, type, queue, seconds, max_attempts: maxAttempts, ids } = JSON.parse(first) as Header;
    if (![id, ...ids].every((each) => UUID.test(each))) return null;
    const details = detailLines(lines.length > ids.length ? lines.slice(ids.length).join("\n") : null);
    const jobs = ids.map((jobId, n) =>
      toLeasedJob({ type, queue, maxAttempts }, jobId, JSON.parse(lines[n] ?? "") as unknown, details[n] ?? null),
    );
    return { id, type, queue, leaseSeconds: seconds, jobs };
  } catch {
    return null;
  }
};
