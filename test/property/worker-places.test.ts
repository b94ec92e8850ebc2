import fc from "fast-check";
import { expect, it } from "vitest";
import { MAX_CONCURRENCY, placesOf } from "../../lib/core/places.ts";
import type { TakenFrom } from "../../lib/db/protocol/take.ts";
import { plan } from "../../lib/queue/worker/plan.ts";
import { createQueuePlaces } from "../../lib/queue/worker/queue-places.ts";
import { createQueuePositions, type QueueTake } from "../../lib/queue/worker/queue-positions.ts";
import { createWorkerState, freeSlots } from "../../lib/queue/worker/worker-state.ts";
import { realTime } from "../../lib/queue/time.ts";

const NAMES = ["a", "b", "c"] as const;
type Name = (typeof NAMES)[number];

interface Sent {
  readonly takes: readonly QueueTake[];
  readonly maxJobs: number;
}

/** A worker without handlers and database: jobs wait in `waiting`, and end when they are told to. */
const model = (concurrency: number, limits: ReadonlyMap<string, number>) => {
  let nowMs = 1_000_000;
  const state = createWorkerState({ concurrency }, false);
  const places = createQueuePlaces(limits, state, () => queues.recount());
  const time = { ...realTime, elapsedMs: () => nowMs };
  const queues = createQueuePositions(state, { time, random: () => 0.5 }, NAMES, places);
  const waiting = new Map<string, number>(NAMES.map((name) => [name, 0]));
  const running = new Map<string, number>(NAMES.map((name) => [name, 0]));
  const under: Sent[] = [];
  queues.set(NAMES);
  Object.assign(state, { queuesKnown: true, runnableTypes: ["plain"], pollDue: false });

  const keep = ({ takes, maxJobs }: Sent, sign: 1 | -1): void => {
    state.reservedJobs += sign * maxJobs;
    for (const { queue, mostJobs } of takes)
      if (mostJobs !== undefined) places.take(queue, sign * Math.min(mostJobs, maxJobs));
  };
  const occupy = (name: string, jobs: number): void => {
    state.busyJobs += jobs;
    places.take(name, jobs);
    running.set(name, running.get(name)! + jobs);
  };
  const pump = (): void => {
    for (let n = 0; n < 100; n += 1) {
      const before = structuredClone(state);
      const statement = plan(state, nowMs);
      expect(plan(state, nowMs)).toEqual(statement);
      expect(state).toEqual(before);
      if (statement === null) return;
      state.outcomesWaiting -= statement.settleJobs;
      const takes = statement.visits === "none" ? [] : queues.takes(statement.visits === "all");
      const room = takes.reduce((jobs, { mostJobs = Infinity }) => jobs + mostJobs, 0);
      const sent = { takes, maxJobs: Math.min(statement.takeJobs, room) };
      if (statement.poll) state.pollDue = false;
      // A statement that is sent for jobs can bring some.
      if (statement.why === "due_queues") expect(sent.maxJobs).toBeGreaterThan(0);
      state.statements += 1;
      keep(sent, 1);
      under.push(sent);
    }
    throw new Error("statements without an end");
  };
  const answer = (): void => {
    const sent = under.shift();
    if (sent === undefined) return;
    state.statements -= 1;
    keep(sent, -1);
    let wanted = sent.maxJobs;
    const found: TakenFrom[] = [];
    for (const { queue, mostJobs = Infinity } of sent.takes) {
      if (wanted <= 0) break;
      const most = Math.min(wanted, mostJobs);
      const taken = Math.min(most, waiting.get(queue)!);
      waiting.set(queue, waiting.get(queue)! - taken);
      occupy(queue, taken);
      wanted -= taken;
      found.push({ queue, outcome: taken > 0 ? "claimed" : "empty", watermarks: null, more: taken === most });
    }
    const visited = new Set(found.map(({ queue }) => queue));
    queues.missed(sent.takes.filter(({ queue }) => !visited.has(queue)));
    queues.note(sent.takes, { queues: found, serverMs: 1 });
  };
  return {
    state,
    waiting,
    running,
    under,
    pump,
    answer,
    enqueue: (name: Name, jobs: number): void => {
      waiting.set(name, waiting.get(name)! + jobs);
      queues.markDue(name);
    },
    end: (name: Name): void => {
      if (running.get(name) === 0) return;
      occupy(name, -1);
      state.outcomesWaiting += 1;
    },
    pass: (ms: number): void => void (nowMs += ms),
  };
};

const name = fc.constantFrom(...NAMES);
const event = fc.oneof(
  fc.record({ kind: fc.constant("enqueue" as const), name, jobs: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant("end" as const), name }),
  fc.record({ kind: fc.constant("answer" as const) }),
  fc.record({ kind: fc.constant("poll" as const) }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
);
const limits = fc
  .tuple(...NAMES.map(() => fc.option(fc.integer({ min: 1, max: 6 }))))
  .map((most) => new Map(NAMES.flatMap((each, n) => (most[n] === null ? [] : [[each, most[n]!] as const]))));

it("runs no more jobs of a queue than it has places, leaves none that could run, and sends nothing for nothing", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      limits,
      fc.array(event, { maxLength: 60 }),
      (concurrency, most, events) => {
        const worker = model(concurrency, most);
        const step = (): void => {
          worker.pump();
          for (const each of NAMES) expect(worker.running.get(each)).toBeLessThanOrEqual(most.get(each) ?? concurrency);
          expect(worker.state.busyJobs + worker.state.reservedJobs).toBeLessThanOrEqual(concurrency);
          // Nothing is under way: whatever could start has.
          if (worker.under.length > 0) return;
          for (const each of NAMES) {
            const free = (most.get(each) ?? Infinity) - worker.running.get(each)!;
            if (worker.waiting.get(each)! > 0) expect(Math.min(free, freeSlots(worker.state))).toBe(0);
          }
        };
        for (const each of events) {
          if (each.kind === "enqueue") worker.enqueue(each.name, each.jobs);
          else if (each.kind === "end") worker.end(each.name);
          else if (each.kind === "answer") worker.answer();
          else if (each.kind === "poll") worker.state.pollDue = true;
          else worker.pass(each.ms);
          step();
        }
        // Drained, everything has run.
        for (let n = 0; n < 500 && (worker.under.length > 0 || worker.state.busyJobs > 0); n += 1) {
          worker.answer();
          for (const each of NAMES) worker.end(each);
          step();
        }
        expect([...worker.waiting.values()]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 500 },
  );
});

it("adds up the places where every queue has them, and takes no more jobs than it is told to run", () => {
  const given = fc.option(
    fc
      .dictionary(name, fc.option(fc.integer({ min: 1, max: MAX_CONCURRENCY })))
      .map((each) => new Map(Object.entries(each))),
  );
  fc.assert(
    fc.property(
      given,
      fc.option(fc.integer({ min: 1, max: MAX_CONCURRENCY }), { nil: undefined }),
      (queues, concurrency) => {
        const made = placesOf(queues, concurrency);
        expect(made.queues).toEqual(queues && [...queues.keys()]);
        expect(made.concurrency).toBeGreaterThanOrEqual(1);
        expect(made.concurrency).toBeLessThanOrEqual(MAX_CONCURRENCY);
        if (concurrency !== undefined) expect(made.concurrency).toBe(concurrency);
        expect(made.tooMany === null).toBe([...made.places.values()].every((most) => most <= made.concurrency));
      },
    ),
  );
  expect(
    placesOf(
      new Map([
        ["emails", 5],
        ["reports", 2],
      ]),
    ).concurrency,
  ).toBe(7);
  expect(
    placesOf(
      new Map([
        ["emails", 5],
        ["reports", null],
      ]),
    ).concurrency,
  ).toBe(10);
  expect(placesOf(null).concurrency).toBe(10);
});
