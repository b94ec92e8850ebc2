import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import type { LookupFunction } from "node:net";
import { PermanentError } from "../../../lib/core/errors.ts";
import { hostOf, isPublicAddress } from "./address.ts";
import type { IsAllowed } from "./address.ts";

/** Every address of a host name; the system's resolver in production. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface Network {
  readonly resolve: Resolve;
  readonly isAllowed: IsAllowed;
}

/** The system's resolver, hosts file included. */
export const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true });

const HEADERS = {
  "user-agent": "ForgeQ-crawl_page/1.0",
  accept: "text/html, application/xhtml+xml, text/plain;q=0.8",
  "accept-encoding": "gzip, br, deflate",
};

const check = (host: string, address: string): void => {
  // Not what the name resolves to: a stranger could look up the names of a private network.
  if (!isPublicAddress(address)) throw new PermanentError(`${host} is not a public address`);
};

/**
 * The socket connects to the very addresses that are checked here, so a name that resolves differently a moment
 * later (DNS rebinding) gains nothing. One address that is not public refuses the name.
 */
const lookupFor = (network: Network, url: URL): LookupFunction => {
  const addressesOf = async (hostname: string): Promise<LookupAddress[]> => {
    const addresses = await network.resolve(hostname);
    if (addresses.length === 0) throw new Error(`${hostname} has no address`);
    if (!network.isAllowed(url)) for (const { address } of addresses) check(hostname, address);
    return [...addresses];
  };
  return (hostname, options, callback) => {
    addressesOf(hostname).then(
      (addresses) => {
        if (options.all) callback(null, addresses);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error: Error) => callback(error, ""),
    );
  };
};

/**
 * Sends one GET on a connection of its own and gives the response once its header is there; the body is not read.
 * Redirects are not followed.
 *
 * @throws PermanentError when the host is, or resolves to, an address that is neither public nor allowed
 */
export const get = async (network: Network, url: URL, signal: AbortSignal): Promise<http.IncomingMessage> => {
  const host = hostOf(url);
  // A literal address never reaches `lookup`. WHATWG URLs have turned every spelling of IPv4 (0x7f.1, 2130706433) into four decimals.
  if (isIP(host) !== 0 && !network.isAllowed(url)) check(host, host);
  const client = url.protocol === "https:" ? https : http;
  return new Promise((resolve, reject) => {
    const options = { agent: false, headers: HEADERS, lookup: lookupFor(network, url), signal };
    client.get(url, options, resolve).on("error", reject);
  });
};
