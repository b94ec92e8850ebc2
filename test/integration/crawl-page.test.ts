import type { RequestListener } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseAllowList } from "../../functions/handlers/crawl_page/address.ts";
import type { Resolve } from "../../functions/handlers/crawl_page/connect.ts";
import { crawl, LIMITS } from "../../functions/handlers/crawl_page/crawl.ts";
import type { CrawlLimits } from "../../functions/handlers/crawl_page/crawl.ts";
import { crawlPage } from "../../functions/handlers/crawl_page/job.ts";
import { PermanentError, RetryAfter } from "../../lib/core/errors.ts";
import { startSite } from "../support/site.ts";

const HTML = { "content-type": "text/html; charset=utf-8" };
const page =
  (body: string | Buffer, headers: Record<string, string> = HTML, status = 200): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end(body);
const redirect = (location: string): RequestListener => page("", { location }, 302);

interface Options {
  /** What the operator allows; PORT stands for the site's. */
  readonly allow?: readonly string[];
  readonly resolve?: Resolve;
  readonly limits?: Partial<CrawlLimits>;
}

const setup = async (pages: Record<string, RequestListener>, options: Options = {}) => {
  const site = await startSite(pages);
  onTestFinished(() => site.close());
  const allow = (options.allow ?? ["site.test:PORT"]).map((entry) => entry.replace("PORT", String(site.port)));
  const resolve: Resolve = options.resolve ?? (async () => [{ address: "127.0.0.1", family: 4 }]);
  const network = { resolve, isAllowed: parseAllowList(allow) };
  const controller = new AbortController();
  let heartbeats = 0;
  const heartbeat = async () => {
    heartbeats += 1;
  };
  const run = (url: string) =>
    crawl({ network, limits: { ...LIMITS, ...options.limits } }, crawlPage.payload.parse({ url }), {
      signal: controller.signal,
      heartbeat,
    });
  const at = (path: string): string => `http://site.test:${site.port}${path}`;
  return {
    site,
    controller,
    run,
    at,
    heartbeats: () => heartbeats,
    error: (path: string) => run(at(path)).catch((reason: unknown) => reason),
  };
};

describe("crawl_page", () => {
  it("says what is on a page", async () => {
    const body = `<title> A
      page</title><meta name=Description content="About &amp; more"><a href="/b#x">one</a> <a href="/b">two</a> w<b>or</b>d`;
    const { run, at } = await setup({ "/": page(body) });

    expect(await run(at("/"))).toEqual({
      url: at("/"),
      final_url: at("/"),
      status: 200,
      title: "A page",
      description: "About & more",
      links: [at("/b")],
      link_count: 1,
      word_count: 3,
      bytes: Buffer.byteLength(body),
    });
  });

  it("follows redirects and resolves links against the last page", async () => {
    const { run, at, site } = await setup({
      "/": redirect("/one/"),
      "/one/": page("", { location: "two" }, 308),
      "/one/two": page(`<a href=three>`),
    });
    expect(await run(at("/"))).toMatchObject({ url: at("/"), final_url: at("/one/two"), links: [at("/one/three")] });
    expect(site.requests).toEqual(["/", "/one/", "/one/two"]);
  });

  it("gives up after five redirects", async () => {
    const { error, site } = await setup({ "/": redirect("/") });
    expect(await error("/")).toBeInstanceOf(PermanentError);
    expect(site.requests).toHaveLength(6);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
  ])("reads a page sent as %s", async (encoding, compress) => {
    const body = "<title>packed</title>";
    const { run, at } = await setup({
      "/": page(compress(Buffer.from(body)), { ...HTML, "content-encoding": encoding }),
    });
    expect(await run(at("/"))).toMatchObject({ title: "packed", bytes: body.length });
  });

  it("counts the words of plain text", async () => {
    const { run, at } = await setup({ "/": page("one <b>two</b> - three", { "content-type": "text/plain" }) });
    expect(await run(at("/"))).toMatchObject({ title: null, links: [], word_count: 3 });
  });

  it("reads the charset that the header names rather than the page's own", async () => {
    const body = Buffer.concat([
      Buffer.from("<meta charset=utf-8><title>"),
      Buffer.from([0xfc]),
      Buffer.from("</title>"),
    ]);
    const { run, at } = await setup({ "/": page(body, { "content-type": "text/html; charset=iso-8859-1" }) });
    expect(await run(at("/"))).toMatchObject({ title: "ü" });
  });
});

describe("where crawl_page may go", () => {
  it.each([
    "http://127.0.0.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f.1:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost:PORT/",
    "http://private.test:PORT/",
  ])("refuses %s", async (url) => {
    const { run, site } = await setup({ "/": page("secret") });
    await expect(run(url.replace("PORT", String(site.port)))).rejects.toThrow(PermanentError);
    expect(site.requests).toEqual([]);
  });

  it("refuses a redirect to a private address", async () => {
    const targets: string[] = [];
    const { error, site } = await setup({
      "/": (request, response) => redirect(targets[0]!)(request, response),
      "/secret": page("secret"),
    });
    for (const host of ["127.0.0.1", "private.test", "[::ffff:7f00:1]"]) {
      targets[0] = `http://${host}:${site.port}/secret`;
      expect(await error("/")).toBeInstanceOf(PermanentError);
    }
    expect(site.requests).not.toContain("/secret");
  });

  it.each(["file:///etc/passwd", "http://user:secret@site.test/", "//", "gopher://site.test/"])(
    "refuses a redirect to %s",
    async (location) => {
      const { error } = await setup({ "/": redirect(location === "//" ? "http://" : location) });
      expect(await error("/")).toBeInstanceOf(PermanentError);
    },
  );

  it("refuses a name when only one of its addresses is private", async () => {
    const resolve: Resolve = async () => [
      { address: "93.184.216.34", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ];
    const { site, error } = await setup({ "/": page("secret") }, { allow: [], resolve });
    expect(await error("/")).toBeInstanceOf(PermanentError);
    expect(site.requests).toEqual([]);
  });

  it("asks DNS once a request and connects to that answer, so a name that changes gains nothing", async () => {
    let asked = 0;
    // Only the first answer of each pair leads to the site.
    const resolve: Resolve = async () => [{ address: asked++ % 2 === 0 ? "127.0.0.1" : "0.0.0.0", family: 4 }];
    const { run, at } = await setup({ "/": page("<title>first</title>") }, { resolve });
    expect(await run(at("/"))).toMatchObject({ title: "first" });
    expect(asked).toBe(1);
  });

  it("checks the name again on each hop", async () => {
    const answers = ["127.0.0.1", "10.0.0.1"];
    const resolve: Resolve = async () => [{ address: answers.shift()!, family: 4 }];
    const location: string[] = [];
    const { at, site, error } = await setup({ "/": (req, res) => redirect(location[0]!)(req, res) }, { resolve });
    location[0] = `http://rebound.test:${site.port}/`;
    expect(at("/")).toContain("site.test");
    expect(await error("/")).toMatchObject({ name: "PermanentError", message: expect.stringContaining("10.0.0.1") });
    expect(site.requests).toEqual(["/"]);
  });

  it("reaches a private address on the allowed port only", async () => {
    const inside = page("<title>inside</title>");
    const { run, site } = await setup({ "/": inside }, { allow: ["127.0.0.1:PORT"] });
    const other = await setup({ "/": inside }, { allow: ["127.0.0.1:1"] });
    expect(await run(`${site.origin}/`)).toMatchObject({ title: "inside" });
    await expect(other.run(`${site.origin}/`)).rejects.toThrow(PermanentError);
  });

  it.each([
    "ftp://site.test/",
    "http://user@site.test/",
    "/page",
    "javascript:alert(1)",
    `http://a/${"b".repeat(2048)}`,
  ])("does not take %j as a payload", (url) => expect(crawlPage.payload.safeParse({ url }).success).toBe(false));
});

describe("what crawl_page makes of failures", () => {
  it.each([400, 401, 403, 404, 410, 300, 304])("buries the job on %i", async (status) => {
    const { error } = await setup({ "/": page("", HTML, status) });
    expect(await error("/")).toBeInstanceOf(PermanentError);
  });

  it.each([408, 425, 429, 500, 502, 503])("leaves %i to the retries", async (status) => {
    const { error } = await setup({ "/": page("", HTML, status) });
    const failure = await error("/");
    expect(failure).toMatchObject({ name: "Error", message: expect.stringContaining(String(status)) });
  });

  it.each([429, 503])("comes back when a %i says so", async (status) => {
    const { error } = await setup({ "/": page("", { "retry-after": "120" }, status) });
    const failure = await error("/");
    expect(failure).toBeInstanceOf(RetryAfter);
    expect(failure).toMatchObject({ seconds: 120 });
  });

  it.each(["image/png", "application/json", ""])("buries the job when the page is %j", async (type) => {
    const { error } = await setup({ "/": page("{}", type === "" ? {} : { "content-type": type }) });
    expect(await error("/")).toBeInstanceOf(PermanentError);
  });

  it("refuses an encoding that it did not ask for", async () => {
    const { error } = await setup({ "/": page("x", { ...HTML, "content-encoding": "zstd" }) });
    expect(await error("/")).toBeInstanceOf(PermanentError);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("drops a small %s body that unpacks to a huge one", async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(200 * 1024 * 1024));
    const { error } = await setup({ "/": page(bomb, { ...HTML, "content-encoding": encoding }) });
    expect(await error("/")).toMatchObject({ name: "PermanentError", message: expect.stringContaining("larger than") });
  });

  it("drops an endless body at the limit", async () => {
    const endless: RequestListener = (_request, response) => {
      response.writeHead(200, HTML);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, "a "))) {
          // until the peer's window is full
        }
      };
      response.on("drain", more);
      more();
    };
    const { error } = await setup({ "/": endless });
    expect(await error("/")).toMatchObject({ name: "PermanentError", message: expect.stringContaining("larger than") });
  });

  it("drops a body that trickles in past the request's time", async () => {
    const slow: RequestListener = (_request, response) => {
      response.writeHead(200, HTML).write("<title>slow");
      const timer = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(timer));
    };
    const { error } = await setup({ "/": slow }, { limits: { requestMs: 150 } });
    expect(await error("/")).toMatchObject({ name: "Error", message: expect.stringContaining("longer than 150 ms") });
  });

  it("gives heartbeats while it reads", async () => {
    const slow: RequestListener = (_request, response) => {
      let left = 20;
      const timer = setInterval(() => (left-- > 0 ? response.write("word ") : response.end()), 10);
      response.writeHead(200, HTML).on("close", () => clearInterval(timer));
    };
    const { run, at, heartbeats } = await setup({ "/": slow });
    expect(await run(at("/"))).toMatchObject({ word_count: 20 });
    expect(heartbeats()).toBeGreaterThan(2);
  });

  it("drops a server that never answers", async () => {
    const { error } = await setup({ "/": () => undefined }, { limits: { requestMs: 100 } });
    expect(await error("/")).toMatchObject({ name: "Error", message: expect.stringContaining("longer than 100 ms") });
  });

  it("counts all redirects towards the total time", async () => {
    const late: RequestListener = (request, response) => {
      const timer = setTimeout(() => redirect("/")(request, response), 60);
      response.on("close", () => clearTimeout(timer));
    };
    const { error } = await setup({ "/": late }, { limits: { requestMs: 5_000, totalMs: 100 } });
    expect(await error("/")).toMatchObject({ message: expect.stringContaining("the crawl of") });
  });

  it("retries when the connection breaks in the middle", async () => {
    const broken: RequestListener = (_request, response) => {
      response.writeHead(200, { ...HTML, "content-length": "1000" }).write("<title>");
      setImmediate(() => response.destroy());
    };
    const { error } = await setup({ "/": broken });
    const failure = await error("/");
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(PermanentError);
  });

  it("retries when a compressed body ends early", async () => {
    const whole = gzipSync(Buffer.from("<title>packed</title>".repeat(100)));
    const { error } = await setup({ "/": page(whole.subarray(0, -9), { ...HTML, "content-encoding": "gzip" }) });
    const failure = await error("/");
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(PermanentError);
  });

  it("stops with the signal's reason while it waits", async () => {
    const { error, controller } = await setup({ "/": () => controller.abort(new Error("the lease is lost")) });
    expect(await error("/")).toMatchObject({ message: "the lease is lost" });
  });
});
