/** Jobs that run concurrently in one process, at most. */
export const MAX_CONCURRENCY = 10_000;
const DEFAULT_CONCURRENCY = 10;

/** The queues of a worker, and how many jobs of each run concurrently in it; null: as many as the worker runs. */
export type QueuesWithPlaces = ReadonlyMap<string, number | null>;

/** What a worker's queues come to. */
export interface Places {
  readonly concurrency: number;
  /** Null: all. */
  readonly queues: readonly string[] | null;
  readonly places: ReadonlyMap<string, number>;
  /** A queue that has more places than the worker runs jobs: null, or its name. */
  readonly tooMany: string | null;
}

/**
 * How many jobs a worker runs concurrently, in all and of each queue. Unless `concurrency` is given it is the sum of the places, where every queue has them,
 * and ten otherwise.
 */
export const placesOf = (given: QueuesWithPlaces | null, concurrency?: number): Places => {
  const places = new Map(
    [...(given ?? [])].flatMap(([queue, most]) => (most === null ? [] : [[queue, most] as const])),
  );
  const sum = [...places.values()].reduce((all, most) => all + most, 0);
  const every = given !== null && given.size > 0 && places.size === given.size;
  const total = concurrency ?? (every ? Math.min(sum, MAX_CONCURRENCY) : DEFAULT_CONCURRENCY);
  const [tooMany = null] = [...places].flatMap(([queue, most]) => (most > total ? [queue] : []));
  return { concurrency: total, queues: given && [...given.keys()], places, tooMany };
};
