import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/** Looks public, and leads to the services of the machine's own platform, Azure. Those of other platforms are link-local or shared. */
const PLATFORM = new Set(["168.63.129.16"]);

/**
 * True for an address of the public internet. False for private, loopback, link-local, unique-local, shared, multicast,
 * documentation and reserved ones, for IPv6 addresses that carry an IPv4 address (mapped, 6to4, NAT64, Teredo), and for
 * what is no address at all.
 */
export const isPublicAddress = (address: string): boolean => {
  if (!ipaddr.isValid(address)) return false;
  if (PLATFORM.has(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  // ipaddr.js calls everything without a special range "unicast"; IANA has assigned 2000::/3 alone.
  return parsed.kind() === "ipv4" || ((parsed as ipaddr.IPv6).parts[0]! & 0xe000) === 0x2000;
};

/** A URL's host as a resolver takes it: lower case, no brackets, no trailing dot. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");

const portOf = (url: URL): string => url.port || (url.protocol === "https:" ? "443" : "80");

/** Says whether the operator lets a URL's host and port be reached whatever its address is. */
export type IsAllowed = (url: URL) => boolean;

/**
 * Reads the operator's exceptions, each `host` (any port) or `host:port`; an IPv6 address with a port stands in brackets.
 * A host is compared as it is written in the URL, never by what it resolves to.
 *
 * @throws Error that names the entry which is neither
 */
export const parseAllowList = (entries: readonly string[]): IsAllowed => {
  const allowed = new Set(
    entries.map((entry) => {
      const [, host = entry, port = "*"] = isIPv6(entry) ? [] : (/^(.+?)(?::(\d{1,5}))?$/.exec(entry) ?? []);
      const url = URL.parse(`http://${isIPv6(host) ? `[${host}]` : host}/`);
      if (!url || url.pathname !== "/" || url.port !== "" || url.username !== "" || url.search !== "")
        throw new Error(`FORGEQ_CRAWL_ALLOW: ${JSON.stringify(entry)} is neither host nor host:port`);
      return `${hostOf(url)} ${port}`;
    }),
  );
  return (url) => allowed.has(`${hostOf(url)} *`) || allowed.has(`${hostOf(url)} ${portOf(url)}`);
};
