import { hash } from "node:crypto";

/** The longest URL that is read, kept or followed, as of the payload's. */
export const MAX_URL_LENGTH = 2_048;

const MAX_LINKS = 500;
/** Leaves the rest of a result's 256 KiB to everything else. */
const MAX_LINKS_BYTES = 160 * 1024;

const fits = (url: string | undefined): url is string => url !== undefined && url.length <= MAX_URL_LENGTH;

/** Looks at the length before it parses and after, because a URL grows where characters are escaped. */
const httpUrl = (href: string | undefined, base: URL): URL | null => {
  const url = fits(href) ? URL.parse(href, base.href) : null;
  return url && /^https?:$/.test(url.protocol) && fits(url.href) ? url : null;
};

/** 48 bits of a link: of two million pages of 16,000 links, one is told to have a link less than it has. */
const fingerprint = (link: string): number => Number.parseInt(hash("sha1", link).slice(0, 12), 16);

/**
 * Collects a page's links: absolute, without fragment, each once, of at most 2,048 characters. The memory it takes grows by
 * a number for each link after the first 500, whatever the page says.
 */
export const createLinks = (pageUrl: URL) => {
  const first: string[] = [];
  const found = new Set<number>();
  let bytes = 0;
  let base = pageUrl;
  let hasBase = false;
  return {
    /** Only a page's first `<base href>` counts. */
    setBase: (href: string | undefined): void => {
      if (hasBase || href === undefined) return;
      hasBase = true;
      base = httpUrl(href, pageUrl) ?? pageUrl;
    },
    /** Passes over what is no http or https link, or is too long. */
    add: (href: string | undefined): void => {
      const url = httpUrl(href, base);
      if (!url) return;
      url.hash = "";
      const before = found.size;
      found.add(fingerprint(url.href));
      if (found.size === before || before >= MAX_LINKS) return;
      bytes += JSON.stringify(url.href).length + 1;
      if (bytes <= MAX_LINKS_BYTES) first.push(url.href);
    },
    /** All that were added, counted once each. */
    count: (): number => found.size,
    /** The first 500, as far as they fit into the result. */
    first: (): readonly string[] => first,
  };
};
