import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { createPgDb } from "../../lib/db/drivers/pg.ts";

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const AUTHENTICATED = message("R", Buffer.from([0, 0, 0, 0]));
const READY = message("Z", Buffer.from("I"));
const SHUTDOWN = message("E", Buffer.from("SFATAL\0C57P01\0Mterminating connection\0\0"));

it("outlives a server that makes a connection ready and ends it in one packet", async () => {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(Buffer.concat([AUTHENTICATED, READY, SHUTDOWN])));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const db = createPgDb({ url: `postgres://user@127.0.0.1:${(server.address() as AddressInfo).port}/none` });
  onTestFinished(async () => {
    await db.close();
    server.close();
  });
  await expect(db.query("select 1")).rejects.toThrow();
  await expect(db.transaction((tx) => tx.query("select 1"))).rejects.toThrow();
});
