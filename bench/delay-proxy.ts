import { createServer, connect, type AddressInfo, type Socket } from "node:net";

/** Passes bytes on after half the round-trip time in each direction, in order, as a longer wire would. */
const delay = (from: Socket, to: Socket, halfMs: number): void => {
  from.on("data", (chunk) => {
    setTimeout(() => {
      if (!to.destroyed) to.write(chunk);
    }, halfMs);
  });
  from.on("close", () => setTimeout(() => to.destroy(), halfMs));
  from.on("error", () => from.destroy());
};

/** A TCP proxy on loopback in front of `port` that adds `rttMs` to each round trip. */
export const startDelayProxy = async (
  port: number,
  rttMs: number,
): Promise<{ readonly port: number; close(): Promise<void> }> => {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (inside) => {
    const outside = connect({ port, host: "127.0.0.1", noDelay: true });
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
    delay(inside, outside, rttMs / 2);
    delay(outside, inside, rttMs / 2);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
