import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, get as rawGet } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dashboardServers } from "../../lib/http/dashboard.ts";
import { httpFunction } from "../../lib/http/function.ts";
import { nodeListener } from "../../lib/http/node-adapter.ts";
import { dashboardOperations } from "../../lib/http/operations/dashboard.ts";
import { routesOf } from "../../lib/http/serve.ts";
import { keysWith } from "../support/http/http.ts";

interface Built {
  readonly name: string;
  readonly first: boolean;
  readonly gz: number;
  readonly br: number;
}

const FIRST_VIEW_SCRIPTS = 30 * 1024;
const FIRST_VIEW = 40 * 1024;
const CHUNK = 8 * 1024;

const folder = mkdtempSync(join(tmpdir(), "forgeq-dashboard-"));
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
let built: readonly Built[] = [];

const routes = (files = folder) =>
  routesOf(
    dashboardOperations,
    dashboardServers(async () => {
      const names = files === "" ? [] : readdirSync(files);
      return new Map(names.map((name) => [name, readFileSync(join(files, name))]));
    }),
  );

const contentsOf = (name: string) => gunzipSync(readFileSync(join(folder, `${name}.gz`)));

/** A server of the dashboard alone, as Node's own HTTP server and as the function that it runs. */
const serve = async (files?: string) => {
  const handler = httpFunction({ logger: silent }, keysWith(), () => routes(files));
  const listener = nodeListener(() => handler);
  const server = createServer((request, response) => void listener(request, response)).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, [Symbol.dispose]: () => void server.close() };
};

/** Fetch decompresses; this does not. */
const bytesOf = (url: string, encodings: string) =>
  new Promise<{ headers: NodeJS.Dict<string | string[]>; status: number; body: Buffer }>((resolve, reject) =>
    rawGet(url, { headers: { "accept-encoding": encodings } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ headers: response.headers, status: response.statusCode ?? 0, body: Buffer.concat(chunks) }),
      );
    }).on("error", reject),
  );

beforeAll(async () => {
  const { buildDashboard } = (await import(join(process.cwd(), "dashboard", "build.mjs"))) as {
    buildDashboard: (outdir: string) => Promise<readonly Built[]>;
  };
  built = await buildDashboard(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the dashboard's files", () => {
  it("are within their budgets", () => {
    const sum = (files: readonly Built[]) => files.reduce((bytes, { gz }) => bytes + gz, 0);
    const first = built.filter((file) => file.first);
    expect(sum(first.filter(({ name }) => name.endsWith(".js")))).toBeLessThanOrEqual(FIRST_VIEW_SCRIPTS);
    expect(sum(first)).toBeLessThanOrEqual(FIRST_VIEW);
    expect(built.filter(({ first: loaded, gz }) => !loaded && gz > CHUNK)).toEqual([]);
    expect(first.map(({ name }) => name.replace(/-[A-Z0-9]{8}\./, "."))).toEqual(
      expect.arrayContaining(["app.js", "index.html", "style.css", "theme.js"]),
    );
  });

  it("name nothing that is elsewhere, and nothing inline", () => {
    const page = contentsOf("index.html").toString();
    const named = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = ""]) => address);
    expect(named.filter((address) => !address.startsWith("data:") && !address.startsWith("dashboard/"))).toEqual([]);
    expect(page).not.toMatch(/<style|<script>| style=| on\w+=/);
    for (const address of named.filter((each) => each.startsWith("dashboard/")))
      expect(readdirSync(folder)).toContain(`${address.slice("dashboard/".length)}.gz`);
  });

  it("are served as they were compressed, with the headers that keep a page to itself", async () => {
    using server = await serve();
    for (const { name } of built) {
      const path = name === "index.html" ? "/dashboard" : `/dashboard/${name}`;
      const plain = contentsOf(name);
      const [br, gzip, none] = await Promise.all([
        bytesOf(server.url + path, "gzip, deflate, br"),
        bytesOf(server.url + path, "gzip, br;q=0"),
        bytesOf(server.url + path, "identity"),
      ]);
      expect(br.headers["content-encoding"]).toBe("br");
      expect(brotliDecompressSync(br.body).equals(plain)).toBe(true);
      expect(gzip.headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(gzip.body).equals(plain)).toBe(true);
      expect(none.headers["content-encoding"]).toBeUndefined();
      expect(none.body.equals(plain)).toBe(true);
      expect(br.headers["cache-control"]).toBe(
        name === "index.html" ? "no-cache" : "public, max-age=31536000, immutable",
      );
      expect(br.headers["content-security-policy"]).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';/,
      );
      expect(br.headers["content-security-policy"]).toContain("require-trusted-types-for 'script'");
      expect(br.headers).toMatchObject({
        "cross-origin-opener-policy": "same-origin",
        "x-content-type-options": "nosniff",
        vary: "accept-encoding",
      });
    }
  });

  it("are found with a slash too many", async () => {
    using server = await serve();
    const { status, headers } = await bytesOf(`${server.url}/dashboard/?page=jobs`, "identity");
    expect({ status, location: headers["location"] }).toEqual({ status: 308, location: "../dashboard?page=jobs" });
  });

  it.each(["nothing.js", "..", "%2e%2e%2fbuild.mjs", "index.html%00"])("%s is not among them", async (name) => {
    using server = await serve();
    expect((await bytesOf(`${server.url}/dashboard/${name}`, "br")).status).toBe(404);
  });

  it("are missed with a word where none were built", async () => {
    using server = await serve("");
    const { status, body } = await bytesOf(`${server.url}/dashboard`, "identity");
    expect([status, JSON.parse(body.toString())]).toMatchObject([404, { detail: "The dashboard was not built" }]);
  });
});
