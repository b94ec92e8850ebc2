import { ForgeqError } from "../../core/errors.ts";
import type { ConnectOptions, Db } from "./client.ts";
import { parseDatabaseUrl } from "./database-url.ts";
import { readCommitted } from "./isolation.ts";

export type { ConnectOptions, DriverChoice, PreparedChoice } from "./client.ts";

const parse = (url: string): URL => {
  try {
    const parsed = parseDatabaseUrl(url);
    if (parsed.protocol === "postgres:" || parsed.protocol === "postgresql:") return parsed;
  } catch {
    // The error below does not show the URL: it holds a password.
  }
  throw new ForgeqError(
    "database_unavailable",
    "DATABASE_URL is not a URL of the form postgres://user:password@host/database",
  );
};

/** Opens the database lazily: a wrong address shows at the first statement. The driver's code is loaded here, and only the one that is used. */
export const connectDb = async (options: ConnectOptions): Promise<Db> => {
  const { source } = options;
  if (source === undefined) return open(options);
  const { createRenewedDb } = await import("./renewed.ts");
  return createRenewedDb((url) => open({ ...options, url }), source);
};

const open = async (options: ConnectOptions): Promise<Db> => {
  const { hostname } = parse(options.url);
  const { driver = "auto" } = options;
  if (driver !== "auto" && driver !== "neon" && driver !== "pg")
    throw new ForgeqError("internal", "FORGEQ_DRIVER is auto, neon or pg");
  if (!["on", "off", undefined].includes(options.prepared))
    throw new ForgeqError("internal", "FORGEQ_PREPARED is on or off");
  const neon = driver === "neon" || (driver === "auto" && hostname.endsWith(".neon.tech"));
  if (neon) {
    const { createNeonDb } = await import("./neon.ts");
    return readCommitted(createNeonDb(options));
  }
  const { createPgDb } = await import("./pg.ts");
  return readCommitted(createPgDb(options));
};
