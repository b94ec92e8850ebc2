import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { Resolve } from "../../../functions/handlers/crawl_page/connect.ts";
import { crawlPage } from "../../../functions/handlers/crawl_page/job.ts";
import { PermanentError } from "../../../lib/core/errors.ts";
import { HTML, page, redirect, setupCrawl } from "../../support/servers/crawl.ts";

describe("crawl_page", () => {
  it("says what is on a page", async () => {
    const body = `<title> A
      page</title><meta name=Description content="About &amp; more"><a href="/b#x">one</a> <a href="/b">two</a> w<b>or</b>d`;
    const { run, at } = await setupCrawl({ "/": page(body) });

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
    const { run, at, site } = await setupCrawl({
      "/": redirect("/one/"),
      "/one/": page("", { location: "two" }, 308),
      "/one/two": page(`<a href=three>`),
    });
    expect(await run(at("/"))).toMatchObject({ url: at("/"), final_url: at("/one/two"), links: [at("/one/three")] });
    expect(site.requests).toEqual(["/", "/one/", "/one/two"]);
  });

  it("gives up after five redirects", async () => {
    const { error, site } = await setupCrawl({ "/": redirect("/") });
    expect(await error("/")).toBeInstanceOf(PermanentError);
    expect(site.requests).toHaveLength(6);
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["deflate", deflateSync],
  ])("reads a page sent as %s", async (encoding, compress) => {
    const body = "<title>packed</title>";
    const { run, at } = await setupCrawl({
      "/": page(compress(Buffer.from(body)), { ...HTML, "content-encoding": encoding }),
    });
    expect(await run(at("/"))).toMatchObject({ title: "packed", bytes: body.length });
  });

  it("counts the words of plain text", async () => {
    const { run, at } = await setupCrawl({ "/": page("one <b>two</b> - three", { "content-type": "text/plain" }) });
    expect(await run(at("/"))).toMatchObject({ title: null, links: [], word_count: 3 });
  });

  it("reads the charset that the header names rather than the page's own", async () => {
    const body = Buffer.concat([
      Buffer.from("<meta charset=utf-8><title>"),
      Buffer.from([0xfc]),
      Buffer.from("</title>"),
    ]);
    const { run, at } = await setupCrawl({ "/": page(body, { "content-type": "text/html; charset=iso-8859-1" }) });
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
    const { run, site } = await setupCrawl({ "/": page("secret") });
    await expect(run(url.replace("PORT", String(site.port)))).rejects.toThrow(PermanentError);
    expect(site.requests).toEqual([]);
  });

  it("refuses a redirect to a private address", async () => {
    const targets: string[] = [];
    const { error, site } = await setupCrawl({
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
      const { error } = await setupCrawl({ "/": redirect(location === "//" ? "http://" : location) });
      expect(await error("/")).toBeInstanceOf(PermanentError);
    },
  );

  it("refuses a name when only one of its addresses is private", async () => {
    const resolve: Resolve = async () => [
      { address: "93.184.216.34", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ];
    const { site, error } = await setupCrawl({ "/": page("secret") }, { allow: [], resolve });
    expect(await error("/")).toBeInstanceOf(PermanentError);
    expect(site.requests).toEqual([]);
  });

  it("asks DNS once a request and connects to that answer, so a name that changes gains nothing", async () => {
    let asked = 0;
    // Only the first answer of each pair leads to the site.
    const resolve: Resolve = async () => [{ address: asked++ % 2 === 0 ? "127.0.0.1" : "0.0.0.0", family: 4 }];
    const { run, at } = await setupCrawl({ "/": page("<title>first</title>") }, { resolve });
    expect(await run(at("/"))).toMatchObject({ title: "first" });
    expect(asked).toBe(1);
  });

  it("checks the name again on each hop", async () => {
    const answers = ["127.0.0.1", "10.0.0.1"];
    const resolve: Resolve = async () => [{ address: answers.shift()!, family: 4 }];
    const location: string[] = [];
    const { at, site, error } = await setupCrawl({ "/": (req, res) => redirect(location[0]!)(req, res) }, { resolve });
    location[0] = `http://rebound.test:${site.port}/`;
    expect(at("/")).toContain("site.test");
    // It says nothing of what the name resolves to.
    expect(await error("/")).toMatchObject({ name: "PermanentError", message: "rebound.test is not a public address" });
    expect(site.requests).toEqual(["/"]);
  });

  it("reaches a private address on the allowed port only", async () => {
    const inside = page("<title>inside</title>");
    const { run, site } = await setupCrawl({ "/": inside }, { allow: ["127.0.0.1:PORT"] });
    const other = await setupCrawl({ "/": inside }, { allow: ["127.0.0.1:1"] });
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
