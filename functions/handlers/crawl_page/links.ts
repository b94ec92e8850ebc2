const MAX_LINKS = 500;
const MAX_LINK_LENGTH = 2_048;
/** Leaves the rest of a result's 256 KiB to everything else. */
const MAX_LINKS_BYTES = 160 * 1024;

const httpUrl = (href: string | undefined, base: URL): URL | null => {
  if (href === undefined) return null;
  const url = URL.parse(href, base.href);
  return url && /^https?:$/.test(url.protocol) ? url : null;
};

/** Collects a page's links: absolute, without fragment, each once. */
export const createLinks = (pageUrl: URL) => {
  const found = new Set<string>();
  let base = pageUrl;
  let hasBase = false;
  return {
    /** Only a page's first `<base href>` counts. */
    setBase: (href: string | undefined): void => {
      if (hasBase || href === undefined) return;
      hasBase = true;
      base = httpUrl(href, pageUrl) ?? pageUrl;
    },
    /** Passes over what is no http or https link. */
    add: (href: string | undefined): void => {
      const url = httpUrl(href, base);
      if (!url) return;
      url.hash = "";
      found.add(url.href);
    },
    /** All that were added, counted once each. */
    count: (): number => found.size,
    /** The first 500 of at most 2,048 characters, as far as they fit into the result. */
    first: (): string[] => {
      let bytes = 0;
      const fits = (link: string): boolean => (bytes += JSON.stringify(link).length + 1) <= MAX_LINKS_BYTES;
      return [...found]
        .filter((link) => link.length <= MAX_LINK_LENGTH)
        .slice(0, MAX_LINKS)
        .filter(fits);
    },
  };
};
