/** A stand-in for Neon on this machine: its two endpoints, as the unmodified driver calls them, in front of a real Postgres. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { newSecret } from "./callers.ts";
import { createSqlEndpoint } from "./neon-sql.ts";
import type { NeonTarget } from "./neon-target.ts";
import { attachTunnel } from "./neon-tunnel.ts";

export interface LocalNeon {
  readonly port: number;
  /** For `fetchEndpoint` of connectDb. */
  readonly fetchEndpoint: string;
  /** For `wsProxy` of connectDb. */
  readonly wsProxy: string;
  /** Ends every session immediately. */
  close(): Promise<void>;
}

/** Starts both endpoints on loopback, behind a secret: `POST /SECRET/sql`, and a WebSocket at `/SECRET/v2?address=host:port`. */
export const startNeon = async (target: NeonTarget, port = 0): Promise<LocalNeon> => {
  const secret = newSecret();
  const sql = createSqlEndpoint(target, secret);
  const server = createServer((request, response) => void sql.answer(request, response));
  const tunnel = attachTunnel(server, target, secret);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: listening } = server.address() as AddressInfo;
  return {
    port: listening,
    fetchEndpoint: `http://127.0.0.1:${listening}/${secret}/sql`,
    wsProxy: `127.0.0.1:${listening}/${secret}/v2?address=`,
    close: async () => {
      tunnel.close();
      server.close();
      server.closeAllConnections();
      await sql.close();
    },
  };
};
