import { UnwantedError } from "./failure.ts";
import { atEnd, isOver } from "./invocation-limit.ts";

export interface HeldClient {
  readonly connection: { readonly stream: { destroy(): void } };
  release(broken: boolean): void;
}

export interface HoldingPool<Client> {
  /** Connections that are open and not in use. */
  readonly idleCount: number;
  connect(): Promise<Client>;
}

/** A gateway forgets a connection that is frozen for longer, and tells nobody. */
const TRUSTED_MS = 30_000;

/**
 * A pool's connections as an invocation uses them: when it is over, those in use are dropped, and `atRest` stay open at most. One that was
 * kept for long may have died while its environment was frozen, and is not used again.
 *
 * @param atRest - undefined: all stay, and are trusted
 */
export const createHolding = <Client extends HeldClient>(
  pool: () => HoldingPool<Client>,
  atRest: (() => number) | undefined,
) => {
  /** Takes back what `atEnd` was asked for. */
  const staying = new WeakMap<Client, () => void>();
  const usedAtMs = new WeakMap<Client, number>();

  const rest = async (): Promise<void> => {
    while (pool().idleCount > (atRest?.() ?? Infinity)) {
      const client = await pool()
        .connect()
        .catch(() => undefined);
      if (client === undefined) return;
      client.release(true);
    }
  };

  return {
    /** @throws {UnwantedError} where the invocation is over */
    connect: async (): Promise<Client> => {
      if (isOver()) throw new UnwantedError();
      let client = await pool().connect();
      while (performance.now() - (usedAtMs.get(client) ?? Infinity) > TRUSTED_MS) {
        client.release(true);
        client = await pool().connect();
      }
      if (isOver()) {
        client.release(false);
        throw new UnwantedError();
      }
      if (atRest !== undefined) atEnd(rest);
      const { stream } = client.connection;
      const stays = atEnd(() => stream.destroy());
      if (stays !== undefined) staying.set(client, stays);
      return client;
    },
    /** Before a connection goes back to the pool. */
    letGo: (client: Client): void => {
      staying.get(client)?.();
      if (atRest !== undefined) usedAtMs.set(client, performance.now());
    },
  };
};
