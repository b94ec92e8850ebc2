import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** ReadyForQuery outside a transaction: Postgres sends it when the statement has committed. */
const COMMITTED = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

const isAnswer = (bytes: Buffer): boolean =>
  bytes.subarray(0, 5).toString() === "HTTP/" || bytes.subarray(-COMMITTED.length).equals(COMMITTED);

/** A TCP proxy in front of Postgres or of Neon's stand-in, which can lose what the server says. */
export interface Proxy {
  readonly port: number;
  /** The same URL, through this proxy. */
  through(url: string): string;
  /**
   * The next `times` statements of this kind, as their comment or their name says, take effect, and their answers are lost with the
   * connection.
   *
   * @param onLost - awaited when a statement has taken effect, before its connection breaks
   */
  loseAnswers(kind: string, times?: number, onLost?: () => Promise<unknown>): void;
  /** Answers lost so far. */
  readonly lost: () => number;
  /** Nobody listens any more, and every connection breaks. */
  away(): Promise<void>;
  back(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy to a server on loopback; inside a test it is closed when the test ends. */
export const startProxy = async (targetPort: number): Promise<Proxy> => {
  const sockets = new Set<Socket>();
  let marker = /^$/;
  let left = 0;
  let lost = 0;
  let heard: () => Promise<unknown> = () => Promise.resolve();

  const carry = (client: Socket): void => {
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
        end();
      });
    }
    client.on("data", (bytes) => {
      if (left > 0 && marker.test(bytes.toString("latin1"))) {
        left -= 1;
        held = Buffer.alloc(0);
      }
      server.write(bytes);
    });
    server.on("data", (bytes) => {
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
      marker = new RegExp(`forgeq:${kind} |fq_${kind}_[0-9a-f]{16}`);
      left = times;
      heard = onLost;
    },
    lost: () => lost,
    away,
    back: async () => {
      await listen(port);
    },
    close: away,
  };
};
