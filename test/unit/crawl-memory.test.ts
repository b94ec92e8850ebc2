import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { extractPage } from "../../functions/handlers/crawl_page/extract.ts";
import { createWordCounter } from "../../functions/handlers/crawl_page/text.ts";

const run = promisify(execFile);

const PROGRAM = new URL("../support/servers/hostile-page.ts", import.meta.url).pathname;

/** Five at once, as a batch has them, fit into a Lambda of 512 MB. */
const HEAP_MB = 80;

/** The bytes of what a process with so little memory finds on a page; rejects when that is not enough, for the process aborts. */
const bytesFound = async (page: string): Promise<number> => {
  const { stdout } = await run(process.execPath, [`--max-old-space-size=${HEAP_MB}`, PROGRAM, page]);
  return Number(stdout);
};

describe("a hostile page", () => {
  it.each([
    "a long base, and many links",
    "a base at the limit, and many links",
    "long links",
    "one link of five megabytes",
    "nothing but tags",
    "a title of entities",
    "a description of five megabytes",
  ])("of %s is read in little memory", async (page) => {
    expect(await bytesFound(page)).toBeLessThan(256 * 1024);
  });

  it("has its links counted, each once, however many and long they are", async () => {
    const base = `<base href="http://h/${"A".repeat(2_000)}/">`;
    const anchors = Array.from({ length: 5_000 }, (_none, index) => `<a href="${index % 2_500}"></a>`).join("");
    const { linkCount } = await extractPage(base + anchors, new URL("http://site.test/"), new AbortController().signal);
    expect(linkCount).toBe(2_500);
  });

  it.each([
    [
      "a base of more than 2,048 characters counts for nothing",
      `<base href="http://h/${"A".repeat(2_100)}/"><a href=b>`,
    ],
    ["a link of more than 2,048 characters does not count", `<a href="/${"A".repeat(2_100)}"></a><a href=b>`],
    ["nor does one that grows beyond by its escapes", `<a href="/${"é".repeat(1_000)}"></a><a href=b>`],
  ])("%s", async (_what, html) => {
    const found = await extractPage(html, new URL("http://site.test/"), new AbortController().signal);
    expect(found).toMatchObject({ links: ["http://site.test/b"], linkCount: 1 });
  });
});

describe("createWordCounter", () => {
  const TEXT = "un believable -- 42 déjà 𝐚𝐛 x- -y  z";

  it("counts the same, wherever the text is cut", () => {
    const characters = [...TEXT];
    for (let at = 0; at <= characters.length; at += 1) {
      const words = createWordCounter();
      words.add(characters.slice(0, at).join(""));
      words.add(characters.slice(at).join(""));
      expect(words.count()).toBe(8);
    }
  });
});
