/** How much one statement carries of what several callers store at the same time. */
export interface CoalesceLimits {
  readonly items: number;
  readonly bytes: number;
  /** Concurrent statements; what comes meanwhile gathers for the next one. */
  readonly inFlight: number;
}

/** What one statement stored. */
export interface Stored<Row> {
  readonly rows: readonly Row[];
  /** What the callers also wait for, while the next statement may go. Never rejects. */
  readonly after: Promise<void>;
}

interface Entry<Item, Row> {
  readonly items: readonly Item[];
  readonly bytes: number;
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets concurrent callers share statements: each gets its own rows or its own error, once they are durable. A caller alone waits for
 * nobody; while statements are under way the others gather, so load makes batches by itself.
 *
 * @param store - stores items, all or none, and gives a row for each, in any order
 * @param isOwn - the error says that the statement holds something that can't be stored, and that nothing was: the callers of a
 * shared statement are then served one by one, so that a bad item fails only the call that it came with
 * @param soon - calls back when the callers that come together have come
 */
export const createCoalescer = <Item extends { readonly id: string }, Row extends { readonly requestedId: string }>(
  store: (items: readonly Item[]) => Promise<Stored<Row>>,
  isOwn: (error: unknown) => boolean,
  limits: CoalesceLimits,
  soon: (pump: () => void) => void = setImmediate,
) => {
  const waiting: Entry<Item, Row>[] = [];
  let inFlight = 0;
  let scheduled = false;

  const next = (): Entry<Item, Row>[] => {
    const batch: Entry<Item, Row>[] = [];
    let items = 0;
    let bytes = 0;
    for (let entry = waiting[0]; entry !== undefined; entry = waiting[0]) {
      items += entry.items.length;
      bytes += entry.bytes;
      if (batch.length > 0 && (items > limits.items || bytes > limits.bytes)) break;
      batch.push(entry);
      waiting.shift();
    }
    return batch;
  };

  const alone = async (entry: Entry<Item, Row>): Promise<void> => {
    try {
      const { rows, after } = await store(entry.items);
      void after.then(() => entry.resolve([...rows]));
    } catch (error) {
      entry.reject(error);
    }
  };

  const together = async (batch: readonly Entry<Item, Row>[]): Promise<void> => {
    try {
      const { rows, after } = await store(batch.flatMap((entry) => entry.items));
      const byId = new Map(rows.map((row) => [row.requestedId, row]));
      const own = ({ items }: Entry<Item, Row>) =>
        items.map(({ id }) => byId.get(id)).filter((row) => row !== undefined);
      void after.then(() => batch.forEach((entry) => entry.resolve(own(entry))));
    } catch (error) {
      if (isOwn(error)) for (const entry of batch) await alone(entry);
      else for (const entry of batch) entry.reject(error);
    }
  };

  const send = (batch: readonly Entry<Item, Row>[]): Promise<void> =>
    batch.length === 1 && batch[0] !== undefined ? alone(batch[0]) : together(batch);

  const pump = (): void => {
    scheduled = false;
    while (inFlight < limits.inFlight && waiting.length > 0) {
      inFlight += 1;
      void send(next()).finally(() => {
        inFlight -= 1;
        pump();
      });
    }
  };

  return (items: readonly Item[], bytes: number): Promise<Row[]> =>
    new Promise((resolve, reject) => {
      waiting.push({ items, bytes, resolve, reject });
      if (!scheduled) soon(pump);
      scheduled = true;
    });
};
