import { once } from "node:events";
import type { Server } from "node:http";

/**
 * Listens; 0 takes a free port.
 *
 * @param option - what chooses another port, for whoever finds this one in use
 * @returns the origin
 */
export const listen = async (server: Server, port: number, host: string, option: string): Promise<string> => {
  server.listen(port, host);
  await once(server, "listening").catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === "EADDRINUSE" ? `it is in use: choose another one with ${option}` : cause.message;
    throw new Error(`can't listen on port ${port}: ${reason}`, { cause });
  });
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : port;
  return `http://${host.includes(":") ? `[${host}]` : host}:${taken}`;
};
