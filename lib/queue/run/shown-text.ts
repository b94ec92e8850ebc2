import { BlockList, isIP } from "node:net";
import { pathToFileURL } from "node:url";

/** Networks of a private network or of the machine itself. */
const PRIVATE = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  PRIVATE.addSubnet(network, bits, "ipv4");
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

const ADDRESS =
  /(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f]{0,4}(?::[\da-f]{0,4}){2,7}(?:\.\d{1,3}){0,3})(?![\w.]*\w)/gi;

const isPrivate = (address: string): boolean => {
  const version = isIP(address);
  return version !== 0 && PRIVATE.check(address, version === 4 ? "ipv4" : "ipv6");
};

/** Of `::1:5432` Node means a port; of `10.0.0.1:80` the pattern takes the address alone. */
const withoutPort = (text: string): [address: string, port: string] => {
  const cut = text.lastIndexOf(":");
  return isIP(text.slice(0, cut)) === 6 && /^\d{2,5}$/.test(text.slice(cut + 1))
    ? [text.slice(0, cut), text.slice(cut)]
    : [text, ""];
};

const hideAddresses = (text: string): string =>
  text.replace(ADDRESS, (found) => {
    if (isPrivate(found)) return "a private address";
    const [address, port] = withoutPort(found);
    return isPrivate(address) ? `a private address${port}` : found;
  });

/** What of a file's path tells no more than where it is in the project or in a package: the rest is the server's. */
const shortPath = (path: string): string => {
  const inPackage = path.lastIndexOf("/node_modules/");
  return inPackage < 0 ? path.slice(path.lastIndexOf("/") + 1) : path.slice(inPackage + 1);
};

/** A file of a line of a stack, after `at` or a parenthesis: `node:internal/...` has no slash before it. */
const STACK_PATH = /(?<=[\s(])(?:file:\/\/)?((?:\/[^\s:()/]+)+)(?=:\d+)/g;

const hidePaths = (text: string, folder: string): string => {
  const project =
    folder === "/" ? text : text.replaceAll(`${pathToFileURL(folder).href}/`, "").replaceAll(`${folder}/`, "");
  return project
    .split("\n")
    .map((line) => (/^\s+at /.test(line) ? line.replace(STACK_PATH, (_, path: string) => shortPath(path)) : line))
    .join("\n");
};

/**
 * An error's message or stack as clients may see it: no private address, and files by their place in the project or in a package.
 *
 * @param folder - of the project, absolute
 * @param paths - what else names files of the server, as a system error's `path`: only their names stay
 */
export const shownText = (text: string, folder: string, paths: readonly string[] = []): string => {
  const named = paths.reduce((rest, path) => rest.replaceAll(path, shortPath(path)), hidePaths(text, folder));
  return hideAddresses(named);
};
