/**
 * The order in which statements visit queues, so that a worker with a single free slot serves all of them in turn: those that were
 * visited go behind those that were not, and a lone job that was announced waits for one other statement at most.
 */
export interface QueueTurns {
  /**
   * The order of a statement's visits. Announced queues come first in every other statement only: one that is announced all the time
   * does not keep the others from their turn.
   */
  inTurn<Visit extends readonly [string, { readonly announced: boolean }]>(visits: readonly Visit[]): readonly Visit[];
}

/** Moves these to the end, in their order. */
export const moveBehind = <Position>(known: Map<string, Position>, names: Iterable<string>): void => {
  for (const name of names) {
    const position = known.get(name);
    if (position === undefined) continue;
    known.delete(name);
    known.set(name, position);
  }
};

export const createQueueTurns = (): QueueTurns => {
  /** Whether the last statement began with a queue because it was announced. Changed by `inTurn`. */
  let preferred = false;
  return {
    inTurn: (visits) => {
      if (visits.length < 2) return visits;
      const announced = visits.filter(([, position]) => position.announced);
      preferred = !preferred && announced.length > 0 && announced.length < visits.length;
      if (!preferred) return visits;
      return [...announced, ...visits.filter(([, position]) => !position.announced)];
    },
  };
};
