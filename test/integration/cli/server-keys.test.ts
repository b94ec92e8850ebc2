import { expect, it } from "vitest";
import { startForgeq } from "../../support/cli/cli.ts";
import { startServer } from "../../support/cli/project.ts";
import { SECRET } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const sha256 = "ab".repeat(32);
const TIME_OUT_MS = 60_000;

it.each([
  ["FORGEQ_API_KEYS", { FORGEQ_API_KEYS: "[{" }, "it is not JSON"],
  [
    "FORGEQ_API_KEYS",
    { FORGEQ_API_KEYS: '[{"id":"web","sha256":"<hex of the key>","scopes":[]}]' },
    "64 hexadecimal digits",
  ],
  ["FORGEQ_API_KEY", { FORGEQ_API_KEY: "short-secret" }, "fewer than 20 characters"],
  [
    "FORGEQ_API_KEYS",
    { FORGEQ_API_KEY: SECRET, FORGEQ_API_KEYS: JSON.stringify([{ id: "local", sha256, scopes: [] }]) },
    "occurs twice",
  ],
])(
  "forgeq server does not start with %s of %j: exit 2",
  async (name, env, reason) => {
    const { url } = await setup();
    const { code, stderr } = await startForgeq(["server", "--port", "0"], { env: { DATABASE_URL: url, ...env } }).ended;
    expect(code).toBe(2);
    expect(stderr).toContain(`${name} is not valid`);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain("short-secret");
  },
  TIME_OUT_MS,
);

it(
  "forgeq server says at its start that no key exists, in production",
  async () => {
    const { url } = await setup();
    const server = await startServer(process.cwd(), { DATABASE_URL: url, NODE_ENV: "production", FORGEQ_API_KEY: "" });
    expect(server.stderr()).toContain("No API key is configured: every request but GET /health is refused");
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  },
  TIME_OUT_MS,
);

it(
  "forgeq server takes no more connections than FORGEQ_MAX_CONNECTIONS_HTTP",
  async () => {
    const { url } = await setup();
    const env = { DATABASE_URL: url, FORGEQ_API_KEY: SECRET, FORGEQ_MAX_CONNECTIONS_HTTP: "none" };
    const refused = await startForgeq(["server", "--port", "0"], { env }).ended;
    expect(refused.stderr).toContain("FORGEQ_MAX_CONNECTIONS_HTTP is a number of connections");
    const server = await startServer(process.cwd(), { ...env, FORGEQ_MAX_CONNECTIONS_HTTP: "3" });
    const { Socket } = await import("node:net");
    const sockets = Array.from({ length: 8 }, () => new Socket());
    let closed = 0;
    for (const socket of sockets)
      socket
        .on("error", () => undefined)
        .on("close", () => (closed += 1))
        .connect(Number(new URL(server.origin).port), "127.0.0.1");
    await expect.poll(() => closed, { timeout: 20_000 }).toBeGreaterThanOrEqual(5);
    for (const socket of sockets) socket.destroy();
    server.child.kill("SIGTERM");
    expect((await server.ended).code).toBe(0);
  },
  TIME_OUT_MS,
);
