/** Runs ForgeQ's part of benchmarks with the code of one checkout, on servers of its own: a process of bench/compare.ts. */
import { join } from "node:path";
import type { Bench, Measured, Run } from "./measure.ts";
import type { Servers } from "./servers.ts";
import { httpOf } from "./studies/http.ts";

/** What a study of single numbers of connections finds of one. */
export type Found = Measured & { readonly connections: number };

export type ToAgent = Run | { readonly study: "http" } | "end";

export type FromAgent =
  | { readonly ready: true }
  | { readonly measured: Measured }
  | { readonly found: readonly Found[] }
  | { readonly error: string };

const folder = process.argv[2] ?? "";
const { createBench } = (await import(join(folder, "bench/measure.ts"))) as {
  createBench: (servers: Servers) => Bench;
};
const { startServers } = (await import(join(folder, "bench/servers.ts"))) as {
  startServers: () => Promise<Servers>;
};

/** `POST /jobs` through `forgeq server` of that checkout. */
const measureHttp = async (servers: Servers): Promise<Found[]> => {
  const { found } = await httpOf(folder, servers, () => undefined);
  return found.map(({ connections, jobsPerSecond, p50Ms, p99Ms, ...each }) => ({
    ...{ connections, jobsPerSecond, p50Ms, p99Ms },
    walBytes: each.walBytesPerJob,
    statements: each.statementsPerJob,
    serverCpuMicros: each.postgresMicrosPerJob,
    nodeCpuMicros: each.nodeMicrosPerJob,
  }));
};

const say = (message: FromAgent): void => void process.send?.(message);

const servers = await startServers();
const bench = createBench(servers);
process.on("message", (run: ToAgent) => {
  if (run === "end") {
    void bench
      .close()
      .then(() => servers.stop())
      .then(() => process.exit(0));
    return;
  }
  const work =
    "study" in run
      ? measureHttp(servers).then((found) => ({ found }))
      : bench.measure(run).then((measured) => ({ measured }));
  work.then(say, (error: unknown) => say({ error: String(error) }));
});
process.once("SIGTERM", () => void servers.stop().finally(() => process.exit(143)));
say({ ready: true });
