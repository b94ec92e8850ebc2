import { createServer } from "node:http";
import { expect, it, onTestFinished } from "vitest";
import { forgeq } from "../../support/cli/cli.ts";
import { startServer } from "../../support/cli/project.ts";
import { SECRET } from "../../support/http/http.ts";
import { setup } from "../../support/queue.ts";

const FORGEQ_SECRET = Buffer.alloc(32, 3).toString("base64url");
const ENV = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", FORGEQ_API_KEY: SECRET, FORGEQ_SECRET };
const TIME_OUT_MS = 60_000;

it(
  "forgeq dashboard prints an address that signs in, and reaches no database itself",
  async () => {
    const { url } = await setup();
    const { origin } = await startServer(process.cwd(), { DATABASE_URL: url, FORGEQ_SECRET });
    const { code, stdout, stderr } = await forgeq(["dashboard", "--print", "--url", origin], { env: ENV });
    expect([code, stderr]).toEqual([0, "Open this address within a minute: it signs you in.\n"]);
    const address = new URL(stdout.trim());
    expect(address.pathname).toBe("/dashboard");
    expect(stdout).not.toContain(SECRET);
    const signIn = (headers: Record<string, string>) =>
      fetch(`${origin}/session`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ code: new URLSearchParams(address.hash.slice(1)).get("code") }),
      });
    expect((await signIn({})).status).toBe(403);
    const answer = await signIn({ "x-forgeq-dashboard": "1" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("set-cookie")).toMatch(/HttpOnly/);
    expect(await answer.json()).toMatchObject({ session: { id: "local" } });
  },
  TIME_OUT_MS,
);

it.each([
  ["no server", ["--url", "http://127.0.0.1:1"], {}, "nothing answers at http://127.0.0.1:1/dashboard"],
  ["no address", ["--url", "nowhere"], {}, "--url is not an address: nowhere"],
  ["no such key", ["--key", "web"], {}, "there is no key web in FORGEQ_API_KEYS"],
  ["no secret", [], { FORGEQ_SECRET: "" }, "FORGEQ_SECRET is not set"],
])(
  "forgeq dashboard says what is missing: %s",
  async (_, flags, env, message) => {
    const { code, stderr } = await forgeq(["dashboard", "--print", ...flags], { env: { ...ENV, ...env } });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  },
  TIME_OUT_MS,
);

it(
  "forgeq dashboard tells a server without a dashboard from none, whatever is before its path",
  async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(404).end();
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await new Promise((listening) => server.once("listening", listening));
    const { port } = server.address() as { port: number };
    const flags = ["--print", "--url", `http://127.0.0.1:${port}/prod`];
    const { code, stderr } = await forgeq(["dashboard", ...flags], { env: ENV });
    expect([code, asked]).toEqual([2, ["/prod/dashboard"]]);
    expect(stderr).toContain("it was answered by 404");
  },
  TIME_OUT_MS,
);
