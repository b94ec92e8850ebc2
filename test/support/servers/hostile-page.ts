/** A program: reads one hostile page, which its argument names, and prints the bytes of what was found. */
import { extractPage } from "../../../functions/handlers/crawl_page/extract.ts";

const MEGABYTE = 1_000_000;

const repeat = (part: (index: number) => string, characters: number): string => {
  const parts: string[] = [];
  for (let length = 0, index = 0; length < characters; index += 1) length += parts[parts.push(part(index)) - 1]!.length;
  return parts.join("");
};

const HOSTILE_PAGES = {
  "a long base, and many links": () =>
    `<base href="http://h/${"A".repeat(MEGABYTE)}/">${repeat((index) => `<a href=${index}>x</a>`, 60_000)}`,
  "a base at the limit, and many links": () =>
    `<base href="http://h/${"A".repeat(2_000)}/">${repeat((index) => `<a href=${index}></a>`, 2 * MEGABYTE)}`,
  "long links": () => repeat((index) => `<a href="/${index}${"é".repeat(2_000)}"></a>`, 5 * MEGABYTE),
  "one link of five megabytes": () => `<a href="${"A".repeat(5 * MEGABYTE)}"></a>`,
  "nothing but tags": () => "<p>".repeat((5 * MEGABYTE) / 3),
  "a title of entities": () => `<title>${"&amp;".repeat(MEGABYTE)}`,
  "a description of five megabytes": () => `<meta name=description content="${"A ".repeat((5 * MEGABYTE) / 2)}">`,
};

const html = HOSTILE_PAGES[process.argv[2] as keyof typeof HOSTILE_PAGES]();
const found = await extractPage(html, new URL("http://site.test/"), new AbortController().signal);
process.stdout.write(String(JSON.stringify(found).length));
