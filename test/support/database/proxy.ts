import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** ReadyForQuery outside a transaction: Postgres sends it when the statement has committed. */
const COMMITTED = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

const isAnswer = (bytes: Buffer): boolean =>
  bytes.subarray(0, 5).toString() === "HTTP/" || bytes.subarray(-COMMITTED.length).equals(COMMITTED);

/** What a connection that listens for jobs has said. */
const LISTENS = /listen forgeq_/;
/** BackendKeyData: the backend's process, and the key of its cancel requests. */
const BACKEND_KEY = Buffer.from([0x4b, 0, 0, 0, 12]);

/** A TCP proxy in front of Postgres or of Neon's stand-in, which can lose what the server says. */
export interface Proxy {
  readonly port: number;
  /** The same URL, through this proxy. */
  readonly through: (url: string) => string;
  /**
   * The next `times` statements of this kind, as their comment or their name says, or their text, take effect, and their answers are lost with the
   * connection.
   *
   * @param onLost - awaited when a statement has taken effect, before its connection breaks
   */
  loseAnswers(kind: string | RegExp, times?: number, onLost?: () => Promise<unknown>): void;
  /** Answers lost so far. */
  readonly lost: () => number;
  /**
   * From now on connections that listen for jobs, and new ones once they do, are silent: nothing passes in either direction, and nobody
   * is told, as when a gateway has forgotten an idle connection. With false new ones are well again.
   */
  silence(silent?: boolean): void;
  /** Connections that have listened for jobs so far. */
  readonly listeners: () => number;
  /** From now on nothing passes over the connections that are there; new ones are well. */
  freeze(): void;
  /** From now on new connections get another backend key than their backend's, as a pooler's clients do. */
  poses(asPooler: boolean): void;
  /** Nobody listens any more, and every connection breaks. */
  away(): Promise<void>;
  back(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy to a server on loopback; inside a test it is closed when the test ends. */
export const startProxy = async (targetPort: number): Promise<Proxy> => {
  const sockets = new Set<Socket>();
  /** One for each connection: makes it deaf, if it listens. */
  const hushes = new Set<() => boolean>();
  let marker = /^$/;
  let left = 0;
  let lost = 0;
  let heard: () => Promise<unknown> = () => Promise.resolve();

  let listeners = 0;
  let silent = false;
  let freezes = 0;
  let pooler = false;

  const carry = (client: Socket): void => {
    let listens = false;
    let deaf = false;
    let posing = pooler;
    const freezing = freezes;
    const isDeaf = (): boolean => (deaf ||= (listens && silent) || freezing < freezes);
    hushes.add(isDeaf);
    const server = connect(targetPort, "127.0.0.1").setNoDelay(true);
    client.setNoDelay(true);
    // What the server has said to a statement whose answer is to be lost.
    let held: Buffer | undefined;
    const end = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", end).on("close", () => {
        sockets.delete(socket);
        hushes.delete(isDeaf);
        end();
      });
    }
    client.on("data", (bytes) => {
      if (!listens && LISTENS.test(bytes.toString("latin1"))) {
        listens = true;
        listeners += 1;
      }
      if (isDeaf()) return;
      if (left > 0 && marker.test(bytes.toString("latin1"))) {
        left -= 1;
        held = Buffer.alloc(0);
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (isDeaf()) return;
      const key = posing ? bytes.indexOf(BACKEND_KEY) : -1;
      if (key >= 0) {
        posing = false;
        bytes.writeInt32BE(1, key + BACKEND_KEY.length);
      }
      if (held === undefined) return void client.write(bytes);
      held = Buffer.concat([held, bytes]);
      if (!isAnswer(held)) return;
      held = undefined;
      lost += 1;
      void heard().finally(end);
    });
  };

  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    const listening = createServer(carry);
    server = listening;
    await new Promise<void>((resolve) => listening.listen(port, "127.0.0.1", resolve));
    return (listening.address() as AddressInfo).port;
  };
  const away = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    const closed = new Promise((resolve) => closing.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  const port = await listen(0);
  try {
    onTestFinished(away);
  } catch {
    // Not inside a test: the caller closes it.
  }
  return {
    port,
    through: (url) => {
      const proxied = new URL(url);
      proxied.port = String(port);
      return proxied.href;
    },
    loseAnswers: (kind, times = 1, onLost = () => Promise.resolve()) => {
      marker = typeof kind === "string" ? new RegExp(`forgeq:${kind} |fq_${kind}_[0-9a-f]{16}`) : kind;
      left = times;
      heard = onLost;
    },
    lost: () => lost,
    silence: (becomes = true) => {
      silent = becomes;
      if (silent) for (const hush of hushes) hush();
    },
    listeners: () => listeners,
    freeze: () => {
      freezes += 1;
      for (const hush of hushes) hush();
    },
    poses: (asPooler) => void (pooler = asPooler),
    away,
    back: async () => {
      await listen(port);
    },
    close: away,
  };
};
