import { afterAll, onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { connectDb } from "../../../lib/db/drivers/connect.ts";
import { type LocalNeon, startNeon } from "../../../lib/local/neon.ts";

export const DRIVERS = ["pg", "neon"] as const;
export type Driver = (typeof DRIVERS)[number];

export interface OpenOptions {
  readonly max?: number;
  readonly statementSeconds?: number;
}

/** One stand-in for each server, until the test file is done: the driver keeps an address' endpoints for the whole process. */
const standIns = new Map<string, Promise<LocalNeon>>();
afterAll(async () => {
  for (const standIn of standIns.values()) await (await standIn).close();
});

/** Neon's endpoints in front of the server of a URL on loopback. */
export const neonOf = (url: string): Promise<LocalNeon> => {
  const { hostname, port, host } = new URL(url);
  const standIn = standIns.get(host) ?? startNeon({ host: hostname, port: Number(port) });
  standIns.set(host, standIn);
  return standIn;
};

/** Opens a database with one of the drivers, Neon's through its stand-in. Inside a test it is closed when the test ends. */
export const openWith = async (driver: Driver, url: string, options: OpenOptions = {}): Promise<Db> => {
  const neon = driver === "neon" ? await neonOf(url) : null;
  const db = await connectDb({
    url,
    driver,
    max: 20,
    ...options,
    ...(neon === null ? {} : { fetchEndpoint: neon.fetchEndpoint, wsProxy: neon.wsProxy }),
  });
  try {
    onTestFinished(() => db.close());
  } catch {
    // Not inside a test: the caller closes it.
  }
  return db;
};
