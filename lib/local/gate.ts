/** Runs the work that it is given in the order in which it came, and a limited amount of it concurrently. */
export type Gate = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** @param limit - how much work runs concurrently, at least 1 */
export const createGate = (limit: number): Gate => {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return async (work) => {
    if (inside >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else inside += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) inside -= 1;
      else next();
    }
  };
};
