import { describe, expect, it } from "vitest";
import { decodeText } from "../../functions/handlers/crawl_page/charset.ts";
import { extractPage } from "../../functions/handlers/crawl_page/extract.ts";
import { retryAfterSeconds } from "../../functions/handlers/crawl_page/status.ts";
import { PermanentError } from "../../lib/core/errors.ts";

const PAGE = new URL("https://example.com/dir/page?q=1");
const extract = (html: string) => extractPage(html, PAGE, new AbortController().signal);

describe("extractPage", () => {
  it("counts words that a reader sees, whatever elements stand inside them", async () => {
    const { wordCount } = await extract(`<title>not this</title><style>p { x: y }</style><script>var a = "b c"</script>
      <noscript>no no</noscript><template><p>hidden</p></template>
      <p>un<b>believ</b>able</p><p>two<br>lines</p><ul><li>a<li>b</ul> &mdash; 42 d&eacute;j&agrave;`);
    expect(wordCount).toBe(7);
  });

  it("takes the first title, not those of drawings", async () => {
    const { title } = await extract(
      "<svg><title>shape</title></svg><title>page &#38; more</title><title>second</title>",
    );
    expect(title).toBe("page & more");
  });

  it("prefers the page's description to Open Graph's", async () => {
    const og = `<meta property="og:description" content=" og ">`;
    expect((await extract(og)).description).toBe("og");
    expect((await extract(`${og}<meta name="description" content="own">`)).description).toBe("own");
    expect((await extract(`${og}<meta name="description" content=" ">`)).description).toBe("og");
    expect((await extract("<p>none")).description).toBeNull();
  });

  it("gives links absolute, without fragments, each once, http and https only", async () => {
    const { links, linkCount } = await extract(`<a href="a"><a href="a#b"><a href="/c"><a href="//other.example/d">
      <a href="mailto:x@example.com"><a href="javascript:1"><a href="http://[bad"><a name="no"><area href="?e">`);
    expect(links).toEqual([
      "https://example.com/dir/a",
      "https://example.com/c",
      "https://other.example/d",
      "https://example.com/dir/page?e",
    ]);
    expect(linkCount).toBe(4);
  });

  it("starts relative links from the first base", async () => {
    expect((await extract(`<base href="/x/"><base href="/y/"><a href="a">`)).links).toEqual([
      "https://example.com/x/a",
    ]);
    expect((await extract(`<base href="data:,"><a href="a">`)).links).toEqual(["https://example.com/dir/a"]);
  });

  it("keeps 500 links and counts all", async () => {
    const html = Array.from({ length: 700 }, (_none, index) => `<a href="/${index}">x</a>`).join("");
    const { links, linkCount } = await extract(html);
    expect(links).toHaveLength(500);
    expect(links[499]).toBe("https://example.com/499");
    expect(linkCount).toBe(700);
  });

  it("bounds everything, so the result fits into a job's", async () => {
    const long = "\\'ü".repeat(1_000_000);
    const anchors = Array.from({ length: 600 }, (_none, index) => `<a href="/${index}?${"\\".repeat(2_000)}">`).join(
      "",
    );
    const found = await extract(`<title>${long}</title><meta name=description content="${long}">${anchors}`);
    expect(Buffer.byteLength(JSON.stringify(found))).toBeLessThan(200 * 1024);
    expect(found.linkCount).toBe(600);
  });

  it("leaves nothing that Postgres refuses", async () => {
    const found = await extract(
      `<title>a\0b\ud800 ${"x".repeat(995)}😀</title><meta name=description content="\udc00\0">`,
    );
    expect(JSON.stringify(found)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
    expect(found.title).toMatch(/^a b� x+/);
  });

  it("gives up on elements that nest without end", async () => {
    await expect(extract("<i>".repeat(1_000_000))).rejects.toThrow(PermanentError);
  });

  it("survives broken markup", async () => {
    expect(await extract(`</p></div><p <a href="x" <!-- <![CDATA[ <title>open`)).toMatchObject({
      wordCount: expect.any(Number),
    });
  });

  it("stops when the signal aborts", async () => {
    await expect(extractPage("<p>", PAGE, AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
  });
});

describe("decodeText", () => {
  const latin = Buffer.from([0x66, 0xfc, 0x72]);
  const utf8 = Buffer.from("für");

  it.each([
    ["the header", latin, "text/html; charset=ISO-8859-1", "für"],
    ["a quoted header", latin, `text/html; charset="windows-1252"; x=y`, "für"],
    ["no declaration, UTF-8", utf8, "text/html", "für"],
    ["no declaration, not UTF-8", latin, "text/html", "für"],
    ["an unknown label", utf8, "text/html; charset=klingon", "für"],
    ["a byte order mark over the header", Buffer.from("\ufefffür"), "text/html; charset=iso-8859-1", "für"],
    ["a UTF-16 byte order mark", Buffer.from("\ufefffür", "utf16le"), "text/html", "für"],
    [
      "a meta charset",
      Buffer.concat([Buffer.from("<meta charset=latin1>"), latin]),
      "text/html",
      "<meta charset=latin1>für",
    ],
    ["a wrong one", latin, "text/html; charset=utf-8", "f\ufffdr"],
  ])("reads %s", (_name, body, contentType, text) => expect(decodeText(body, contentType)).toBe(text));

  it("reads a meta http-equiv, and UTF-16 that can't be", () => {
    const meta = `<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">`;
    expect(decodeText(Buffer.concat([Buffer.from(meta), Buffer.from([0xc1])]), "text/html")).toBe(`${meta}а`);
    expect(decodeText(Buffer.from(`<meta charset="utf-16">ü`), "text/html")).toBe(`<meta charset="utf-16">ü`);
  });
});

describe("retryAfterSeconds", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  it.each([
    ["120", 120],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["99999999999", 86_400],
    ["soon", undefined],
    ["-5", 0],
    [undefined, undefined],
  ])("reads %j as %j", (value, seconds) => expect(retryAfterSeconds(value, now)).toBe(seconds));
});
