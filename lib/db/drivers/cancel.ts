/** What Postgres, or a pooler, told a connection for its cancel requests. */
export interface Cancellable {
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** A connection for one purpose, as pg and Neon's driver make it. */
export interface ShortClient extends Cancellable {
  readonly connection: {
    startup(settings: unknown): void;
    readonly stream: { destroy(): void };
  };
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  query(text: string, values: unknown[]): Promise<{ readonly rows: unknown[] }>;
  end(): Promise<void>;
}

/** For each request, its connection included. */
const ANSWER_MS = 2_000;

const RUNS = `/* forgeq:runs */
select exists (select from pg_stat_activity where pid = $1 and state in ('active', 'fastpath function call')) as runs`;

let last: Promise<unknown> = Promise.resolve();

/** One after the other, so that a process never has more than one connection for this. */
const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
  const turn = last.then(work);
  last = turn.catch(() => undefined);
  return turn;
};

/** Does something with a new connection, which is closed whatever happens. */
const withShortClient = async <Result>(
  make: () => ShortClient,
  work: (client: ShortClient) => Promise<Result>,
  failed: Result,
): Promise<Result> => {
  const client = make();
  client.on("error", () => undefined);
  const late = Promise.withResolvers<Result>();
  const timer = setTimeout(() => late.resolve(failed), ANSWER_MS);
  try {
    return await Promise.race([work(client), late.promise]);
  } catch {
    return failed;
  } finally {
    clearTimeout(timer);
    client.connection.stream.destroy();
  }
};

/**
 * Asks the server to end what a connection runs. Like the connection itself, the request goes through TLS, a pooler or a WebSocket.
 *
 * @param isOver - asked when it is this request's turn: what has ended needs none
 * @returns true when the server has dealt with the request: what comes later on that connection is not hit by it. False: it may still be
 */
export const requestCancel = (
  make: () => ShortClient,
  { processID, secretKey }: Cancellable,
  isOver: () => boolean,
): Promise<boolean> =>
  inTurn(async () => {
    if (isOver() || processID === null || secretKey === null) return true;
    const cancel = async (client: ShortClient): Promise<boolean> => {
      const { connection } = client as ShortClient & {
        readonly connection: { cancel(processID: number, secretKey: number): void };
      };
      let sent = false;
      // In the place of the message that would open a session.
      connection.startup = () => {
        sent = true;
        connection.cancel(processID, secretKey);
      };
      // The server says nothing, and closes the connection when the statement was signalled.
      return client.connect().then(
        () => false,
        () => sent,
      );
    };
    return withShortClient(make, cancel, false);
  });

/** Asks the server whether a connection's statement still runs there. Null: nobody answers. Behind a pooler the answer is no. */
export const askWhetherRuns = (make: () => ShortClient, { processID }: Cancellable): Promise<boolean | null> =>
  inTurn(() =>
    withShortClient<boolean | null>(
      make,
      async (client) => {
        await client.connect();
        const { rows } = await client.query(RUNS, [processID]);
        await client.end();
        return (rows as { readonly runs: boolean }[])[0]?.runs ?? null;
      },
      null,
    ),
  );
