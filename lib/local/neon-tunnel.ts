import type { IncomingMessage, Server } from "node:http";
import { connect } from "node:net";
import { pipeline } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";
import { behindSecret, isFromPage } from "./callers.ts";
import type { NeonTarget } from "./neon-target.ts";

const POLICY_VIOLATION = 1008;

/** Neon's WebSocket proxy: each connection to `/SECRET/v2?address=host:port` carries one TCP connection's bytes. Either end ends both. */
export const attachTunnel = (server: Server, target: NeonTarget, secret: string): { close(): void } => {
  const sockets = new WebSocketServer({
    server,
    verifyClient: ({ req }: { req: IncomingMessage }, done: (isLet: boolean, status?: number) => void) =>
      done(!isFromPage(req) && behindSecret(secret, req.url)?.startsWith("/v2?") === true, 403),
  });
  sockets.on("connection", (socket, request) => {
    socket.on("error", () => undefined);
    const address = new URL(request.url ?? "/", "http://neon").searchParams.get("address");
    if (address !== `${target.host}:${target.port}`) {
      socket.close(POLICY_VIOLATION, "unknown address");
      return;
    }
    const tcp = connect(target.port, target.host).setNoDelay(true);
    const stream = createWebSocketStream(socket);
    pipeline(stream, tcp, stream, () => {
      tcp.destroy();
      socket.terminate();
    });
  });
  return {
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
};
