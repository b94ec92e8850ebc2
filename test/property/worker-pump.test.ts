import fc from "fast-check";
import { expect, it } from "vitest";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Mood } from "../support/worker/fake-protocol.ts";
import { setupPump } from "../support/worker/pump.ts";

const RUNS = 300;

type World = ReturnType<typeof setupPump>;

const STEPS = {
  pass: ({ virtual }: World, n: number) => virtual.pass(n / 20),
  store: ({ protocol, worker }: World, n: number) => {
    protocol.store(n);
    worker.hint(0, "plain");
  },
  "store unannounced": ({ protocol }: World, n: number) => protocol.store(n),
  "hint later": ({ worker }: World, n: number) => worker.hint(n / 10, "plain"),
  "hint of all": ({ worker }: World) => worker.hint(0),
  push: ({ protocol, worker }: World, n: number) => worker.push(protocol.begin(1 + (n % 5))),
  "push of another's type": ({ protocol, worker }: World) => worker.push(protocol.begin(1, "unknown")),
  "local start": ({ slots, virtual, protocol, random }: World, n: number) => {
    const items = Array.from({ length: 1 + (n % 3) }, () => ({ id: uuidV7(), type: "plain", payload: {} }));
    if (slots.reserve(items) === null) return;
    virtual.time.after(random() * 50, () =>
      slots.fill(items.length, n % 2 === 0 ? protocol.begin(items.length) : null),
    );
  },
  listens: ({ worker }: World, n: number) => worker.listens(n % 2 === 0),
  trouble: ({ protocol }: World, n: number) => protocol.setMood((["steady", "troubled", "away"] as const)[n % 3]!),
} satisfies Record<string, (world: World, n: number) => unknown>;

const steps = fc.array(
  fc.tuple(fc.constantFrom(...(Object.keys(STEPS) as (keyof typeof STEPS)[])), fc.nat({ max: 60 })),
  {
    maxLength: 40,
  },
);

const take = async (world: World, taken: readonly (readonly [keyof typeof STEPS, number])[]): Promise<void> => {
  for (const [step, n] of taken) {
    await STEPS[step](world, n);
    // What ends in this turn does so, and time stands still.
    await world.virtual.pass(0);
    world.check();
  }
};

const QUIET = { statements: 0, reservedJobs: 0, waits: 0, busyJobs: 0, outcomesWaiting: 0, pushesWaiting: 0 };

/** An idle worker polls every few seconds: the poll that is under way, if one is, gets its answer. */
const untilNoPoll = async ({ virtual, state }: World): Promise<void> => {
  for (let tries = 0; tries < 20 && state.statements > 0; tries += 1) await virtual.pass(0.01);
};

it("has all counters at zero when it is quiet, whatever was answered, pushed, started and announced; and no job left", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), steps, async (seed, taken) => {
      const world = setupPump(seed);
      await take(world, taken);
      world.protocol.setMood("steady");
      await world.virtual.pass(300);
      await untilNoPoll(world);
      expect(world.state).toMatchObject({ ...QUIET, accepting: true });
      expect([world.protocol.waiting(), world.protocol.open()]).toEqual([0, []]);
      void world.worker.stop(0);
      await world.virtual.pass(1);
    }),
    { numRuns: RUNS },
  );
});

it("has them at zero after it was stopped, also while its database is away", async () => {
  const moods = fc.constantFrom<Mood>("steady", "away");
  await fc.assert(
    fc.asyncProperty(fc.integer(), steps, steps, moods, async (seed, before, after, mood) => {
      const world = setupPump(seed);
      await take(world, before);
      let stopped: { readonly inOrder: boolean; readonly open: readonly string[] } | undefined;
      void world.worker.stop(500).then((inOrder) => (stopped = { inOrder, open: world.protocol.open() }));
      await take(world, after);
      world.protocol.setMood(mood);
      await world.virtual.pass(60);
      expect(world.state).toMatchObject({ ...QUIET, accepting: false });
      expect(stopped).toBeDefined();
      if (stopped?.inOrder === true) expect(stopped.open).toEqual([]);
    }),
    { numRuns: RUNS },
  );
});
