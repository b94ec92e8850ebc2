import type { JobDefinition } from "../../core/job.ts";

/** The jobs of one type in this process. Changed by `TypeSlots` only. */
export interface Slots {
  readonly limit: number;
  running: number;
  /** Begin those that the limit keeps waiting. */
  readonly waiting: (() => void)[];
}

/** How many jobs of each type run concurrently in one process. Most types have no limit: then it costs next to nothing. */
export interface TypeSlots {
  /** @throws where the type has no handler here */
  of(type: string): Slots;
  /** Takes a slot for a job. @returns false: there is none */
  take(slots: Slots): boolean;
  /** Calls `begin` with a slot taken, once another job of the type ends. */
  wait(slots: Slots, begin: () => void): void;
  /** A job gives its slot back. @returns whether another job can be taken that could not until now */
  giveBack(slots: Slots): boolean;
  /** Begins all that waits, whatever the limits. */
  beginAll(): void;
}

type TypeLimits = Pick<JobDefinition, "type" | "concurrency" | "batchSize">;

/** Concurrent jobs of a type in one process: only a type that says less than its batch has such a limit. */
export const limitOf = ({ concurrency, batchSize }: Pick<TypeLimits, "concurrency" | "batchSize">): number =>
  concurrency < batchSize ? concurrency : Infinity;

const isRunnable = ({ running, waiting, limit }: Slots): boolean => running + waiting.length < limit;

/**
 * @param definitions - by every name of a type: those share its slots
 * @param onRunnable - called with the types of which another job can run now: at first, and when they change
 */
export const createTypeSlots = (
  definitions: ReadonlyMap<string, TypeLimits>,
  onRunnable: (types: readonly string[]) => void,
): TypeSlots => {
  const slotsOf = new Map<string, Slots>();
  for (const definition of definitions.values())
    slotsOf.set(definition.type, { limit: limitOf(definition), running: 0, waiting: [] });
  const types = new Map([...definitions].map(([name, { type }]) => [name, slotsOf.get(type)!]));
  const tell = (): void => onRunnable([...types].flatMap(([type, slots]) => (isRunnable(slots) ? [type] : [])));
  const begin = (slots: Slots, start: () => void): void => {
    slots.running += 1;
    start();
  };
  tell();

  return {
    of: (type) => {
      const slots = types.get(type);
      if (slots === undefined) throw new Error(`there is no handler of type ${type}`);
      return slots;
    },
    take: (slots) => {
      if (slots.running >= slots.limit) return false;
      slots.running += 1;
      if (!isRunnable(slots)) tell();
      return true;
    },
    wait: (slots, start) => {
      slots.waiting.push(start);
      tell();
    },
    giveBack: (slots) => {
      const wasRunnable = isRunnable(slots);
      slots.running -= 1;
      const next = slots.waiting.shift();
      if (next !== undefined) begin(slots, next);
      const unblocked = !wasRunnable && isRunnable(slots);
      if (unblocked) tell();
      return unblocked;
    },
    beginAll: () => {
      for (const slots of slotsOf.values()) for (const start of slots.waiting.splice(0)) begin(slots, start);
    },
  };
};
