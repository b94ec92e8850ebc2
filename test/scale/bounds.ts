/**
 * What each call may cost, at any size. Buffers are of all statements of a call together; locks on tables and indexes are of the statement that takes most.
 * A call that has no bound here fails the run, and so does a bound without a call
 * in a run that makes all calls.
 */
import { FIRST_LOOK_CALLS } from "./calls/held.ts";
import { EXPIRED_LEASES } from "./calls/runner.ts";
import type { Sizes } from "./sizes.ts";

export interface Bound {
  readonly buffers: number;
  /** 60 unless given. */
  readonly locks?: number;
  /** Holds beside holders, too, instead of a quarter more than without them. */
  readonly absolute?: true;
}

/** The numbers of one queue: its waiting jobs are counted in 900 pages at most, and the counters are read. */
const ONE_QUEUE = 1_300;
/** Dead jobs are counted in their index, up to 500,000 of all queues together, whatever queue is asked for; where vacuum has come by. */
const DEAD = 5_000;
/** Some pages of each queue, and 400 more. */
const ALL_QUEUES = 1_500 + DEAD;

/** Of an id of the last thirty days, or of none. */
const ID_LOCKS = 60;
/** A list reads every partition; forty of them have four locks each, and so has each table. */
const LIST_LOCKS = 250;

const plain = (bounds: Readonly<Record<string, number>>, locks = ID_LOCKS): Record<string, Bound> =>
  Object.fromEntries(Object.entries(bounds).map(([name, buffers]) => [name, { buffers, locks }]));

const PRODUCER = plain({
  enqueue: 12,
  "enqueue of 1,000": 7_500,
  "enqueue, id given": 100,
  "enqueue of 100, ids given": 8_000,
  "enqueue, sent again": 100,
  "enqueue, due later": 20,
  "enqueue, unique key": 40,
  "enqueue, unique key held": 35,
  "enqueue, max_pending": 35,
  "enqueue of 1,000, max_pending": 7_500,
  "enqueue in a transaction": 12,
  "forgeq.enqueue in SQL": 50,
  "enqueue, id in history": 100,
  "enqueue of 100, ids in history": 8_000,
  "local start": 40,
  "eager enqueue": 150,
  "enqueue, pushed": 60,
  "settle of 10, not kept": 100,
  "enqueue, sent again, not kept": 6_000,
});

/**
 * A job that is given back is found, locked and stored anew: it descends the index of ids twice, that of due jobs once, and that of attempts once. Each of them is
 * a page deeper with millions of entries than with thousands, which are four buffers a job, and takes a hundred times as many for the next page.
 */
const GIVEN_BACK = 19;

const RUNNER = plain({
  "take of 100": 950,
  "settle and take 100": 3_150,
  "settle with results and take 100": 3_150,
  "take of 100, limited queue": 950,
  "take of 10, all queues": 250,
  "take of 10, one type is another worker's": 250,
  "sweep, the backlog is another worker's": 200,
  "take, the backlog is another worker's": 200,
  "idle take": 200,
  "idle take of 64 queues": 2_600,
  "claim of 10": 250,
  "claim of 10, limited queue": 250,
  "begin of 10": 44,
  extend: 6,
  "settle of 10": 130,
  "settle of 10, retried": 30 + 10 * GIVEN_BACK,
  "settle of 10, dead": 300,
  "settle of 10, limited queue": 130,
  "release of 10": 200,
  "failed invocation of 10": 60 + 10 * GIVEN_BACK,
  [`recover, ${EXPIRED_LEASES} leases of 10`]: 220 * EXPIRED_LEASES,
  "recover, nothing expired": 50,
  "wake wanted": 20,
  "dispatcher mark": 20,
  "next event": 500,
  "next due": 500,
});

const READER = {
  ...plain({
    "get, live": 70,
    "cancel, free": 80,
    "get, unknown": 70,
    "get, dead": 100,
    "retry by hand": 120,
    "cancel, finished": 80,
    "doctor, types": 2_500,
    "doctor, expired leases": 50,
    counters: 5_000,
    "counters of a queue": 400,
  }),
  ...plain({ "get, of half a year ago": 300 }, LIST_LOCKS),
  ...plain(
    {
      list: 1_500,
      "list, scheduled": 1_500,
      "list, pending": 1_500,
      "list, leased": 1_500,
      "list, running": 1_500,
      "list, completed": 1_500,
      "list, dead": 1_500,
      "list, cancelled": 1_500,
      "list, queue": 1_500,
      "list, small queue": 1_500,
      "list, dead of a small queue": 1_500,
      "list, completed of no queue": 1_500,
      "list, dead of no queue": 1_500,
      "list, queue without jobs": 1_500,
      "list, no type": 1_500,
      "list, scheduled of a queue without jobs": 1_500,
      "search, payload": 1_500,
      "search, payload of finished": 1_500,
      "search, metadata": 1_500,
      "search, error": 1_500,
      // Two states: two scans of each partition are merged.
      "search, fingerprint": 1_700,
      "search, unique key": 1_500,
      "search, long ago": 1_500,
      "search, two states": 1_500,
      "list, dead with attempts": 2_500,
      "list, from the middle": 1_500,
      "list, from the oldest": 1_500,
      "stats of 100 queues": ALL_QUEUES,
      "stats, emails": ONE_QUEUE + DEAD,
      "stats, reports": ONE_QUEUE + DEAD,
      "stats, quiet": 250 + DEAD,
      "report, a page of 20,000": 1_500,
    },
    LIST_LOCKS,
  ),
};

const ROUTES = {
  ...plain({
    "POST /jobs": 12,
    "POST /jobs, id given": 100,
    "POST /jobs/batch of 1,000": 7_500,
    "GET /jobs/{id}": 70,
    "POST /jobs/{id}/cancel": 160,
    "POST /jobs/{id}/retry": 350,
    "DELETE /queues/{name}": 50,
    "POST /schedules": 60,
    "GET /schedules/{name}": 10,
    "PUT /schedules/{name}": 60,
    "POST /schedules/{name}/trigger": 150,
    "DELETE /schedules/{name}": 20,
    "GET /health": 100,
  }),
  ...plain(
    {
      "GET /jobs": 1_500,
      "GET /jobs?state=scheduled": 1_500,
      "GET /jobs?state=dead&queue=reports": 1_500,
      "GET /jobs?state=dead&include=attempts": 2_500,
      // 64 pages of attempts, and errors that lie out of line.
      "GET /errors": 500,
      "GET /errors?type=send_email": 500,
      "GET /leases": 1_000,
      "GET /workers": 1_000,
      "GET /types": 200,
      "GET /queues": ALL_QUEUES,
      "GET /queues/{name}": ONE_QUEUE + DEAD,
      "PUT /queues/{name}": ONE_QUEUE + DEAD + 100,
      "PUT /queues/{name}, max_pending": ONE_QUEUE + DEAD + 2_500,
      "POST /queues/{name}/pause": ONE_QUEUE + DEAD + 100,
      "POST /queues/{name}/resume": ONE_QUEUE + DEAD + 100,
    },
    LIST_LOCKS,
  ),
};

const TICK = {
  ...plain({
    "partitions, none to make": 30,
    fold: 5_000,
    "purge, nothing due": 20,
    "repair, a slice of 5,000": 1_000,
    "due schedules, none": 20,
    "tick, recover": 60,
    "tick, clock": 20,
    "tick, wake": 520,
    // Twenty slices.
    "tick, repair": 20_000,
  }),
};

/** Beside holders they may cost a quarter more than without them, and no more than this either. */
const AGAIN = plain(
  {
    "enqueue again": 12,
    "enqueue again, max_pending": 35,
    "take of 100 again": 950,
    "take of 10 again, limited queue": 300,
    "claim of 10 again, limited queue": 250,
    "idle take again": 200,
    "counters again": 5_000,
    "stats again": ONE_QUEUE + DEAD,
  },
  LIST_LOCKS,
);

const ABSOLUTE: Readonly<Record<string, Bound>> = {
  // Of each queue that has max_pending a thousand jobs are counted, which is a page each where vacuum has not come by: more of them beside holders.
  "fold again": { buffers: 1_500, absolute: true },
  "next event again": { buffers: 500, absolute: true },
  "recover again": { buffers: 500, absolute: true },
};

/** What grows with the number of schedules or queues, and no faster. */
const ofSizes = ({ schedules, queues }: Sizes): Record<string, Bound> => ({
  "busiest queues": { buffers: 500 + 6 * queues },
  "observe queues": { buffers: ALL_QUEUES + 1_000 + 10 * queues, locks: LIST_LOCKS },
  "GET /metrics": { buffers: ALL_QUEUES + 2_000 + 10 * queues, locks: LIST_LOCKS },
  "GET /overview": { buffers: ALL_QUEUES + 3_000 + 16 * queues, locks: LIST_LOCKS },
  "GET /jobs/counts": { buffers: ALL_QUEUES + DEAD + 2_000 + 10 * queues, locks: LIST_LOCKS },
  ...Object.fromEntries(
    ["1h", "24h", "7d", "30d"].map((window) => [`GET /stats?window=${window}`, { buffers: 1_500 + 5 * queues }]),
  ),
  "tick, pauses": { buffers: 40 + Math.ceil(queues / 10) },
  "tick, nothing due": { buffers: ALL_QUEUES + 4_000 + 15 * queues, locks: LIST_LOCKS },
  "all schedules in one minute": { buffers: 60 * schedules },
  "GET /schedules": { buffers: 100 + schedules },
});

/** Measured beside holders alone. */
const FIRST_LOOKS = Object.fromEntries(FIRST_LOOK_CALLS.map((name) => [name, { buffers: 500 }]));

/** All of them, by the name of the call. */
export const boundsFor = (sizes: Sizes): Readonly<Record<string, Bound>> => ({
  ...FIRST_LOOKS,
  ...PRODUCER,
  ...RUNNER,
  ...READER,
  ...ROUTES,
  ...TICK,
  ...AGAIN,
  ...ABSOLUTE,
  ...ofSizes(sizes),
});

/** How much dearer a call may be beside holders. */
export const BESIDE_FACTOR = 1.25;

/**
 * What one may cost beside them however few it reads without: a transaction id that the last fold did not see is looked up by itself, three buffers each, where
 * closed leases are counted and where they are folded; and the row versions of the counters that the snapshot keeps are passed.
 */
export const BESIDE_LEAST = 60;
