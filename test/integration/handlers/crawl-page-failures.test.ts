import type { RequestListener } from "node:http";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { PermanentError, RetryAfter } from "../../../lib/core/errors.ts";
import { HTML, page, redirect, setupCrawl } from "../../support/servers/crawl.ts";

describe("what crawl_page makes of failures", () => {
  it.each([400, 401, 403, 404, 410, 300, 304])("buries the job on %i", async (status) => {
    const { error } = await setupCrawl({ "/": page("", HTML, status) });
    expect(await error("/")).toBeInstanceOf(PermanentError);
  });

  it.each([408, 425, 429, 500, 502, 503])("leaves %i to the retries", async (status) => {
    const { error } = await setupCrawl({ "/": page("", HTML, status) });
    const failure = await error("/");
    expect(failure).toMatchObject({ name: "Error", message: expect.stringContaining(String(status)) });
  });

  it.each([429, 503])("comes back when a %i says so", async (status) => {
    const { error } = await setupCrawl({ "/": page("", { "retry-after": "120" }, status) });
    const failure = await error("/");
    expect(failure).toBeInstanceOf(RetryAfter);
    expect(failure).toMatchObject({ seconds: 120 });
  });

  it.each(["image/png", "application/json", ""])("buries the job when the page is %j", async (type) => {
    const { error } = await setupCrawl({ "/": page("{}", type === "" ? {} : { "content-type": type }) });
    expect(await error("/")).toBeInstanceOf(PermanentError);
  });

  it.each([
    ["as it is sent", "A".repeat(2_100)],
    ["once its characters are escaped", "\u00e9".repeat(1_000)],
  ])("follows no redirect to a URL that is too long %s", async (_when, path) => {
    const { error, site } = await setupCrawl({ "/": redirect(`/${path}`) });
    const failure = await error("/");
    expect(failure).toMatchObject({ name: "PermanentError", message: expect.stringContaining("more than 2048 char") });
    expect((failure as Error).message.length).toBeLessThan(200);
    expect(site.requests).toEqual(["/"]);
  });

  it("refuses an encoding that it did not ask for", async () => {
    const { error } = await setupCrawl({ "/": page("x", { ...HTML, "content-encoding": "zstd" }) });
    expect(await error("/")).toBeInstanceOf(PermanentError);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ])("drops a small %s body that unpacks to a huge one", async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(200 * 1024 * 1024));
    const { error } = await setupCrawl({ "/": page(bomb, { ...HTML, "content-encoding": encoding }) });
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
    const { error } = await setupCrawl({ "/": endless });
    expect(await error("/")).toMatchObject({ name: "PermanentError", message: expect.stringContaining("larger than") });
  });

  it("drops a body that trickles in past the request's time", async () => {
    const slow: RequestListener = (_request, response) => {
      response.writeHead(200, HTML).write("<title>slow");
      const timer = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(timer));
    };
    const { error } = await setupCrawl({ "/": slow }, { limits: { requestMs: 150 } });
    expect(await error("/")).toMatchObject({ name: "Error", message: expect.stringContaining("longer than 150 ms") });
  });

  it("gives heartbeats while it reads", async () => {
    const slow: RequestListener = (_request, response) => {
      let left = 20;
      const timer = setInterval(() => (left-- > 0 ? response.write("word ") : response.end()), 10);
      response.writeHead(200, HTML).on("close", () => clearInterval(timer));
    };
    const { run, at, heartbeats } = await setupCrawl({ "/": slow });
    expect(await run(at("/"))).toMatchObject({ word_count: 20 });
    expect(heartbeats()).toBeGreaterThan(2);
  });

  it("drops a server that never answers", async () => {
    const { error } = await setupCrawl({ "/": () => undefined }, { limits: { requestMs: 100 } });
    expect(await error("/")).toMatchObject({ name: "Error", message: expect.stringContaining("longer than 100 ms") });
  });

  it("counts all redirects towards the total time", async () => {
    const late: RequestListener = (request, response) => {
      const timer = setTimeout(() => redirect("/")(request, response), 60);
      response.on("close", () => clearTimeout(timer));
    };
    const { error } = await setupCrawl({ "/": late }, { limits: { requestMs: 5_000, totalMs: 100 } });
    expect(await error("/")).toMatchObject({ message: expect.stringContaining("the crawl of") });
  });

  it("retries when the connection breaks in the middle", async () => {
    const broken: RequestListener = (_request, response) => {
      response.writeHead(200, { ...HTML, "content-length": "1000" }).write("<title>");
      setImmediate(() => response.destroy());
    };
    const { error } = await setupCrawl({ "/": broken });
    const failure = await error("/");
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(PermanentError);
  });

  it("retries when a compressed body ends early", async () => {
    const whole = gzipSync(Buffer.from("<title>packed</title>".repeat(100)));
    const { error } = await setupCrawl({ "/": page(whole.subarray(0, -9), { ...HTML, "content-encoding": "gzip" }) });
    const failure = await error("/");
    expect(failure).toBeInstanceOf(Error);
    expect(failure).not.toBeInstanceOf(PermanentError);
  });

  it("stops with the signal's reason while it waits", async () => {
    const { error, controller } = await setupCrawl({ "/": () => controller.abort(new Error("the lease is lost")) });
    expect(await error("/")).toMatchObject({ message: "the lease is lost" });
  });
});
