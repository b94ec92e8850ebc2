import { AsyncResource } from "node:async_hooks";
import { DEFAULTS } from "../../core/job.ts";
import { uuidV7 } from "../../core/uuid.ts";
import { areAlike, type EnqueueItem } from "../../db/protocol/enqueue.ts";
import type { SettledState } from "../../db/protocol/settle.ts";
import type { SettleAndTake, SettledAndTaken, TakenLease } from "../../db/protocol/take.ts";
import type { Deps, HandOff } from "../deps.ts";
import { createHandOff } from "./local-start.ts";
import { startChores } from "./housekeeping.ts";
import { createWorkerLeases, type Handler, limitOf } from "./leases.ts";
import { createOutbox, type Settles } from "./outbox.ts";
import { createOutcomes } from "./outcomes.ts";
import { createPace } from "./pace.ts";
import { createPoll } from "./poll.ts";
import { createWorkerQueues, type Look } from "./queue-positions.ts";
import { createWorkerRoom } from "./room-offer.ts";
import { createSender } from "./sender.ts";
import { stopGracefully } from "./graceful-stop.ts";

const LONGEST_POLL_MS = 5_500;
/** A job falling due within this is waited for; later ones are found by a look. */
const DUE_HORIZON_SECONDS = 10;
/** A handler's own transaction holds its lease: its outcomes are sent again so much later. */
const HELD_MS = 100;

export interface WorkerOptions {
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Jobs at once in this process. */
  readonly concurrency: number;
  /** Null: all queues of the database, those to come included. */
  readonly queues: readonly string[] | null;
  /** Names the process in the attempts' records. */
  readonly invocation: string;
  /** Ends when nothing is due any more. */
  readonly once?: boolean;
  /** Jobs of one statement; 500, far from the database 1,000, or `concurrency` when that is less, unless given. */
  readonly batchJobs?: number;
}

export interface Worker {
  /** What this process begins its leases with. */
  readonly id: string;
  /** Jobs fall due in so many seconds, as somebody told this process. */
  readonly hint: (wakeSeconds: number, queue?: string) => void;
  /** Whether it hears of jobs that others enqueue: then it offers them its room. */
  readonly listens: (works: boolean) => void;
  /** Jobs that were begun for this worker by who enqueued them. */
  readonly take: (handed: TakenLease) => void;
  /**
   * Takes nothing more, lets what runs end, and settles it. After `graceMs` the jobs' signals abort, and what does not end then is
   * released uncounted. @returns false when outcomes could not be written: their leases expire
   */
  stop(graceMs: number): Promise<boolean>;
  /** Jobs in this process. */
  busy(): number;
  /** Resolves when a worker that runs once has nothing left to do. */
  readonly drained: Promise<void>;
  /** Jobs by the state they were settled in. */
  readonly settled: ReadonlyMap<SettledState, number>;
  /** For who enqueues in this process. */
  readonly handOff: HandOff;
}

const foundUntold = (looks: readonly Look[], { leases }: SettledAndTaken): boolean =>
  leases.some(({ queue }) => looks.some((look) => look.queue === queue && !look.hinted));

const givesBack = (settles: Settles): boolean =>
  settles.some(({ ended }) => ended.some(({ outcome }) => outcome === "released"));

/**
 * Runs jobs in this process. It takes due jobs in batches, begun already; runs up to `concurrency` of them at once; and settles
 * what has ended and takes the next ones in one statement. While a statement is under way outcomes gather for the next one; more than
 * one at a time are sent only for large batches. Any number of workers share a database: a job goes to one of them.
 */
export const createWorker = (deps: Deps, options: WorkerOptions): Worker => {
  const { concurrency, once = false } = options;
  const pace = createPace(options);
  const worker = uuidV7();
  const queues = createWorkerQueues(deps.time, deps.random);
  const outbox = createOutbox();
  const sender = createSender(deps);
  const drained = Promise.withResolvers<void>();
  // A job that a job enqueues is begun by the statement that stores it, while there is room.
  const handOff = createHandOff(deps, worker, options.invocation, {
    keep: keepRoom,
    fill: (jobs, lease) => fillRoom(jobs, lease),
  });
  const leases = createWorkerLeases({ ...deps, handOff }, options.handlers, worker, (leaseId, ended, unblocked) => {
    outbox.add(leaseId, ended);
    if (unblocked) queues.heat(leases.queueOf(leaseId));
    pumpSoon();
  });
  const poll = createPoll(deps.time, deps.random, LONGEST_POLL_MS, (due) => {
    polls = true;
    if (due) queues.heat();
    pump();
  });
  let accepting = true;
  let known = false;
  /** The next look is an idle worker's: at all queues, and at what it attends to beside them. */
  let polls = true;
  /** Statements under way, and the jobs that they may bring. */
  let statements = 0;
  let reserved = 0;
  /** Waits that end with another statement. */
  let waits = 0;
  let pumping = false;
  /** What jobs enqueued here has found no room beside a look: looks leave some from then on, unless more jobs are known to wait. */
  let refused = false;

  const freeJobs = (): number => (accepting ? concurrency - leases.busy() - reserved : 0);
  const room = createWorkerRoom(
    deps,
    {
      id: worker,
      invocation: options.invocation,
      concurrency: once ? 0 : concurrency,
      queues: options.queues,
      types: [...options.handlers.values()].flatMap(({ definition }) =>
        limitOf(definition) === Infinity ? [definition.type] : [],
      ),
    },
    {
      isRoomy: () => accepting && leases.busy() * 2 <= concurrency && !queues.anyMore(),
      free: freeJobs,
      reserving: () => accepting && reserved > 0,
      start: (lease) => leases.start([lease]),
      refuse: (lease) => leases.refuse(lease),
    },
  );

  const quiet = (): boolean => leases.busy() + outbox.size() + statements + waits + reserved + room.waiting() === 0;

  // What starts then does not belong to the context of the job that enqueued it.
  const fillRoom = AsyncResource.bind((jobs: number, lease: TakenLease | null): void => {
    reserved -= jobs;
    if (lease !== null) leases.start([lease]);
    pump();
  });

  function keepRoom(items: readonly EnqueueItem[]): string | null {
    const [first] = items;
    const definition = first && options.handlers.get(first.type)?.definition;
    if (first === undefined || definition === undefined || !accepting || items.length > DEFAULTS.handedJobs)
      return null;
    if (items.length > 1 && definition.batchSize === 1) return null;
    const queue = first.queue ?? definition.queue;
    // Jobs of which this process knows come first.
    if (!queues.noneWait(queue) || !leases.types().includes(first.type)) return null;
    if (!areAlike(items)) return null;
    const free = concurrency - leases.busy();
    const fits = free - reserved >= items.length;
    refused ||= !fits && free >= items.length;
    if (!fits) return null;
    reserved += items.length;
    return queue;
  }

  const pumpSoon = (): void => {
    if (pumping) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      pump();
    });
  };

  const later = (ms: number, run: () => void): void => {
    waits += 1;
    deps.time.after(ms, () => {
      waits -= 1;
      run();
      pump();
    });
  };

  const pump = (): void => {
    room.check();
    for (;;) {
      const free = freeJobs();
      const looks = free > 0 && known && (polls || queues.anyHot()) && leases.types().length > 0;
      if (outbox.size() === 0 && !looks) break;
      const large = Math.max(outbox.size(), looks ? free : 0) * 2 >= pace.batchJobs();
      if (statements > 0 && (statements >= pace.statementsAtOnce() || !large)) break;
      const sharing = refused && free >= 2 * DEFAULTS.handedJobs && !queues.anyMore();
      void exchange(Math.min(sharing ? free - DEFAULTS.handedJobs : free, pace.batchJobs()));
    }
    stopper.check();
    if (once && known && accepting && quiet() && !queues.anyHot()) drained.resolve();
  };

  /** One statement: there with outcomes, back with jobs. */
  const exchange = async (maxJobs: number): Promise<void> => {
    const settles = outbox
      .take(pace.batchJobs())
      .map((each) => ({ ...each, all: leases.isAll(each.leaseId, each.ended) }));
    const types = leases.types();
    const looks = maxJobs > 0 && known && types.length > 0;
    const all = looks && (polls || poll.near());
    const beside = (looks && polls) || room.isDue() ? { room: room.offer() } : null;
    if (looks) polls = false;
    const takes = looks ? queues.takes(all) : [];
    // Only a statement that takes can bring jobs.
    const reserves = takes.length > 0 ? maxJobs : 0;
    statements += 1;
    reserved += reserves;
    const input: SettleAndTake = {
      worker,
      settles,
      takes,
      types,
      maxJobs,
      invocation: options.invocation,
      dueHorizonSeconds: DUE_HORIZON_SECONDS,
      ...(beside && { beside }),
      at: deps.clock(),
    };
    const sentAtMs = deps.time.elapsedMs();
    const { answered, unwritten } = await sender.send(input);
    reserved -= reserves;
    statements -= 1;
    const [first] = answered;
    if (first !== undefined) pace.wasOnItsWay(deps.time.elapsedMs() - sentAtMs - first.answer.serverMs);
    const visited = new Set(answered.flatMap(({ answer }) => answer.queues.map(({ queue }) => queue)));
    queues.unseen(takes.filter(({ queue }) => !visited.has(queue)));
    for (const { settles: sent, answer } of answered) absorb(sent, takes, answer);
    const untold = answered.some(({ answer }) => foundUntold(takes, answer));
    if (all || untold) poll.looked(untold);
    if (unwritten !== null) outcomes.forget(unwritten.settles, unwritten.error);
    pump();
  };

  const absorb = (settles: Settles, looks: readonly Look[], found: SettledAndTaken): void => {
    const freed = outcomes.note(settles, found);
    leases.start(found.leases);
    for (const { queue, waitMs } of queues.note(looks, found)) later(waitMs, () => queues.heat(queue));
    if (found.wakeSeconds !== null) {
      const visited = new Set(found.queues.map(({ queue }) => queue));
      if (found.wakeSeconds === 0) for (const queue of freed) if (!visited.has(queue)) queues.heat(queue);
      if (accepting && found.wakeSeconds > 0) poll.due(found.wakeSeconds);
      // Others take it up: this process won't.
      if (!accepting || givesBack(settles)) void deps.hintWorkers?.(found.wakeSeconds, undefined);
    }
    if (found.dueSeconds !== null) poll.due(found.dueSeconds);
    if (found.beside !== null && accepting) chores.told(found.beside);
  };

  const chores = startChores(deps, options.queues, {
    onQueues: (names) => {
      known = true;
      queues.set(names);
      pump();
    },
    onRecovered: (wakeSeconds) => {
      queues.heat();
      poll.due(wakeSeconds);
    },
  });

  const outcomes = createOutcomes(deps, leases, {
    held: (leaseId, ended) => later(HELD_MS, () => ended.forEach((one) => outbox.add(leaseId, one))),
    failed: () => stopper.failed(),
  });

  const stopper = stopGracefully(deps, {
    quiet,
    busy: leases.busy,
    close: () => {
      accepting = false;
      poll.stop();
      chores.stop();
      leases.close();
      pump();
    },
    abort: () => leases.abort("shutdown", "the worker is shutting down"),
    giveUp: sender.giveUp,
  });

  return {
    id: worker,
    listens: (works) => {
      room.listens(works);
      if (!works) return;
      // What was missed meanwhile is not known.
      queues.heat();
      pump();
    },
    take: (lease) => {
      if (!options.handlers.has(lease.type)) return;
      room.take(lease);
      pumpSoon();
    },
    // A job may give it, by what it enqueues: what starts then does not belong to that job's context.
    hint: AsyncResource.bind((wakeSeconds: number, queue?: string) => {
      if (!accepting) return;
      if (wakeSeconds > 0) return poll.due(wakeSeconds);
      if (!queues.heat(queue) && options.queues === null) chores.refresh();
      pump();
    }),
    stop: stopper.stop,
    busy: leases.busy,
    drained: drained.promise,
    settled: outcomes.settled,
    handOff,
  };
};
