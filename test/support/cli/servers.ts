import { readdirSync, readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { SECRET } from "../http/http.ts";
import { ROOT } from "./cli.ts";
import { startServer } from "./project.ts";
import { startLocal, temporaryFolder } from "./start-local.ts";

export interface ServingHttp {
  readonly origin: string;
  readonly post: (path: string, body: string) => Promise<Response>;
  /** What the process that answers HTTP holds in memory. */
  readonly megabytes: () => number;
  /** It is the process that it was. */
  readonly isAlive: () => boolean;
}

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** Megabytes of a process that are in memory; NaN where it has ended. */
export const memoryOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(textOf(`/proc/${pid}/status`))?.[1]) / 1024;

const serving = (origin: string, pid: number): ServingHttp => ({
  origin,
  post: (path, body) =>
    fetch(origin + path, {
      method: "POST",
      headers: { authorization: `Bearer ${SECRET}`, "content-type": "application/json" },
      body,
    }),
  megabytes: () => memoryOf(pid),
  isAlive: () => memoryOf(pid) > 0,
});

/** The process of serverless-offline that has this port. */
const offlineAt = (port: string): number => {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const pid = pids.find((name) => textOf(`/proc/${name}/cmdline`).includes(`\0--httpPort\0${port}\0`));
  if (pid === undefined) throw new Error(`nothing serves ${port}`);
  return Number(pid);
};

/** What answers HTTP on a machine, on this database, with the tests' key, until the test ends. */
export const SERVERS: Readonly<Record<string, (databaseUrl: string) => Promise<ServingHttp>>> = {
  "forgeq server": async (databaseUrl) => {
    const server = await startServer(ROOT, { DATABASE_URL: databaseUrl, FORGEQ_API_KEY: SECRET });
    return serving(server.origin, server.child.pid!);
  },
  "npm start": async (databaseUrl) => {
    const folder = temporaryFolder();
    const run = await startLocal({ folder: folder.path, env: { DATABASE_URL: databaseUrl, FORGEQ_API_KEY: SECRET } });
    onTestFinished(async () => {
      await run.stop();
      folder.remove();
    });
    return serving(run.url, offlineAt(new URL(run.url).port));
  },
};
