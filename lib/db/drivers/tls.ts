import { readFileSync } from "node:fs";
import { createSecureContext, rootCertificates, type SecureContext, type SecureContextOptions } from "node:tls";
import type { ClientConfig } from "pg";
import { ForgeqError } from "../../core/errors.ts";
import { hostOf, isLocal, isSocket } from "./database-url.ts";

/** What of a URL is read here, so that pg does not read it another way. */
export const TLS_PARAMETERS = [
  "sslmode",
  "ssl",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslnegotiation",
  "uselibpqcompat",
  "channel_binding",
];

const MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "no-verify"];

/** What pg and JDBC call `ssl`; any other value asks for TLS. */
const MODE_OF_SSL: Partial<Record<string, string>> = { "0": "disable", false: "disable", "no-verify": "no-verify" };

const modeOf = (parameters: URLSearchParams): string | null => {
  const [mode, ssl] = [parameters.get("sslmode"), parameters.get("ssl")];
  if (mode === null) return ssl === null ? null : (MODE_OF_SSL[ssl] ?? "require");
  if (MODES.includes(mode)) return mode;
  throw new ForgeqError("database_unavailable", `the database's URL has an sslmode other than ${MODES.join(", ")}`);
};

const fileOf = (parameters: URLSearchParams, name: string): string | undefined => {
  const path = parameters.get(name);
  // `sslrootcert=system` means what the system trusts, which is what Node trusts without a file.
  if (path === null || path === "" || path === "system") return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ForgeqError(
      "database_unavailable",
      `${name} of the database's URL names a file that can't be read`,
      {},
      { cause },
    );
  }
};

/** Of each authority and key, made once: reading all that Node trusts takes longer than to connect. */
const contexts = new Map<string, SecureContext>();

/** An authority of one's own is one more: a proxy before the database may have a public certificate. */
const contextWith = (ca: string, login: SecureContextOptions): SecureContext => {
  const key = JSON.stringify([ca, login]);
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const made = createSecureContext({ ...login, ca: [...rootCertificates, ca] });
  contexts.set(key, made);
  return made;
};

/**
 * TLS with a verified certificate, unless the server is this machine or the URL says otherwise. No mode falls back to a connection without TLS,
 * and a Unix socket never has it.
 *
 * @param ca - authorities as PEM, beside Node's; `sslrootcert` comes in place of both
 * @throws ForgeqError `database_unavailable` for an unknown mode or a file that can't be read
 */
export const tlsOf = (url: URL, ca: string | undefined): ClientConfig["ssl"] => {
  const parameters = url.searchParams;
  const [mode, host] = [modeOf(parameters), hostOf(url)];
  if (mode === "disable" || isSocket(host)) return false;
  const [own, cert, key] = ["sslrootcert", "sslcert", "sslkey"].map((name) => fileOf(parameters, name));
  const asks = !["allow", "prefer", null].includes(mode) || own !== undefined || cert !== undefined;
  if (isLocal(host) && !asks) return false;
  const login = { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  if (mode === "no-verify") return { ...login, rejectUnauthorized: false };
  const verified = { ...login, rejectUnauthorized: true };
  const authority = own ?? ca;
  // Among all that Node trusts anybody has a certificate of some name: the name may be another one only with an authority of one's own.
  if (mode === "verify-ca" && authority !== undefined)
    return { ...verified, ca: authority, checkServerIdentity: () => undefined };
  if (own !== undefined) return { ...verified, ca: own };
  return ca === undefined ? verified : { ...verified, secureContext: contextWith(ca, login) };
};
