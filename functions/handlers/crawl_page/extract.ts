import { setImmediate as nextTurn } from "node:timers/promises";
import { Parser } from "htmlparser2";
import { PermanentError } from "../../../lib/core/errors.ts";
import { createLinks } from "./links.ts";
import { cleanText, createWordCounter, MAX_WRITTEN } from "./text.ts";

/** What a page says about itself. Lengths are bounded so that the job's result always fits. */
export interface Extract {
  readonly title: string | null;
  readonly description: string | null;
  /** Absolute http and https links of at most 2,048 characters, in the page's order, without fragments, each once: the first 500. */
  readonly links: readonly string[];
  /** How many there are. */
  readonly linkCount: number;
  /** Words of the text that a reader sees. Words are what stands between spaces, so scripts without spaces count low. */
  readonly wordCount: number;
}

const MAX_TITLE = 1_000;
const MAX_DESCRIPTION = 5_000;

/** The parser closes elements by walking its stack: without a limit, unclosed tags cost quadratic time. */
const MAX_DEPTH = 1_000;
const SLICE_CHARACTERS = 64 * 1024;

const UNSEEN = new Set(["script", "style", "template", "noscript", "iframe", "title"]);
/** Elements that may begin or end inside a word. */
const INLINE = new Set(
  "a abbr b bdi bdo cite code del dfn em font i ins kbd mark q s samp small span strong sub sup u var wbr".split(" "),
);

/** Where a slice may end: never inside a surrogate pair, whose halves are no letters. */
const wholeCharacters = (text: string, end: number): number =>
  (text.charCodeAt(end) & 0xfc00) === 0xdc00 ? end + 1 : end;

/**
 * Reads a page's HTML, however broken. Gives the event loop a turn every 64 K characters, so heartbeats go on.
 *
 * @param pageUrl - what relative links start from, unless the page has a `<base>`
 * @throws the signal's reason; PermanentError when elements nest deeper than 1,000
 */
export const extractPage = async (html: string, pageUrl: URL, signal: AbortSignal): Promise<Extract> => {
  const words = createWordCounter();
  let title = "";
  const links = createLinks(pageUrl);
  let [depth, unseen, foreign, titles] = [0, 0, 0, 0];
  let inTitle = false;
  let description: string | undefined;
  let ogDescription: string | undefined;

  const parser = new Parser({
    onopentag: (name, attributes) => {
      if (++depth > MAX_DEPTH) throw new PermanentError(`the page nests elements deeper than ${MAX_DEPTH}`);
      if (name === "svg" || name === "math") foreign += 1;
      if (UNSEEN.has(name)) unseen += 1;
      if (!INLINE.has(name)) words.add(" ");
      // An SVG's titles are captions of its shapes, not the page's.
      if (name === "title" && foreign === 0) inTitle = ++titles === 1;
      if (name === "base") links.setBase(attributes["href"]);
      if (name === "a" || name === "area") links.add(attributes["href"]);
      if (name === "meta") {
        if (attributes["name"]?.trim().toLowerCase() === "description") description ??= attributes["content"];
        if (attributes["property"]?.trim().toLowerCase() === "og:description") ogDescription ??= attributes["content"];
      }
    },
    onclosetag: (name) => {
      depth -= 1;
      if (name === "svg" || name === "math") foreign -= 1;
      if (UNSEEN.has(name)) unseen -= 1;
      if (!INLINE.has(name)) words.add(" ");
      if (name === "title") inTitle = false;
    },
    ontext: (text) => {
      if (inTitle && title.length < MAX_WRITTEN) title += text;
      if (unseen === 0) words.add(text);
    },
  });
  for (let at = 0; at < html.length;) {
    signal.throwIfAborted();
    const end = wholeCharacters(html, at + SLICE_CHARACTERS);
    parser.write(html.slice(at, end));
    at = end;
    await nextTurn();
  }
  parser.end();

  return {
    title: cleanText(title, MAX_TITLE),
    description: cleanText(description ?? "", MAX_DESCRIPTION) ?? cleanText(ogDescription ?? "", MAX_DESCRIPTION),
    links: links.first(),
    linkCount: links.count(),
    wordCount: words.count(),
  };
};
