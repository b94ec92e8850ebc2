/** The network between the functions and what they call: it can fall silent, and it counts what passes. */
import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface Network {
  /** From now on nothing passes, and nobody is told: over the connections that are there never again, over new ones until `restore`. */
  silence(): void;
  restore(): void;
  /** Bytes that clients have sent so far. */
  readonly sent: () => number;
  /** Connections that were opened so far. */
  readonly opened: () => number;
  /** Carries a client's bytes to a port of this machine, and back. */
  carry(client: Duplex, port: number): void;
  close(): void;
}

export const createNetwork = (): Network => {
  const sockets = new Set<Duplex>();
  let silent = false;
  let silences = 0;
  let sent = 0;
  let opened = 0;

  const carry = (client: Duplex, port: number): void => {
    opened += 1;
    const since = silences;
    const isDeaf = () => silent || since < silences;
    const server = connect(port, "127.0.0.1").setNoDelay(true);
    const end = () => {
      if (isDeaf()) return;
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
    client.on("close", () => server.destroy());
    client.on("data", (bytes: Buffer) => {
      sent += bytes.length;
      if (!isDeaf()) server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (!isDeaf()) client.write(bytes);
    });
  };

  return {
    silence: () => {
      silent = true;
      silences += 1;
    },
    restore: () => void (silent = false),
    sent: () => sent,
    opened: () => opened,
    carry,
    close: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
};

export const listen = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

/** A port of this machine before another one. */
export const startRelay = async (port: number) => {
  const network = createNetwork();
  let woken = Promise.withResolvers<void>();
  woken.resolve();
  const server = createServer((client: Socket) => {
    client.on("error", () => undefined);
    void woken.promise.then(() => client.destroyed || network.carry(client.setNoDelay(true), port));
  });
  return {
    ...network,
    /** New connections are taken, and wait for `wake`, as before a database that sleeps. */
    sleep: () => void (woken = Promise.withResolvers()),
    wake: () => woken.resolve(),
    port: await listen(server),
    close: () => {
      server.close();
      network.close();
    },
  };
};

export type Relay = Awaited<ReturnType<typeof startRelay>>;
