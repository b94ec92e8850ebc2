/** Hosts that are this machine: what is said to them passes no network. */
const LOCAL = ["localhost", "127.0.0.1", "::1", "[::1]", ""];

/**
 * A database's URL. `postgres://user@/db?host=PLACE` has no host before its path, which other URLs don't allow: it gets one that `host` overrides.
 *
 * @throws TypeError, with the URL, where it is none
 */
export const parseDatabaseUrl = (url: string): URL =>
  new URL(url.replace(/^(\s*postgres(?:ql)?:\/\/[^/?#]*@)(?=[:/?])(?![^/?#]*@)/i, "$1localhost"));

/** Where pg connects to: the parameter `host` comes first. A path, `/run` or `%2Frun`, is a socket's folder. */
export const hostOf = (url: URL): string => url.searchParams.get("host") || url.hostname;

export const isSocket = (host: string): boolean => /^(?:\/|%2f)/i.test(host);

export const isLocal = (host: string): boolean => LOCAL.includes(host) || isSocket(host);

/** The URL with what it leaves out: this machine, Postgres' port, and a database of its user's name. Otherwise variables of the environment would say. */
export const withPlace = (url: URL): URL => {
  const made = new URL(url);
  const of = (name: string): string => made.searchParams.get(name) ?? "";
  if (hostOf(made) === "") made.searchParams.set("host", "localhost");
  if (made.port === "" && of("port") === "") made.searchParams.set("port", "5432");
  const user = of("user") || decodeURIComponent(made.username);
  if (["", "/"].includes(made.pathname) && user !== "") made.pathname = `/${encodeURI(user)}`;
  return made;
};
