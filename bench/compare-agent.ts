/** Runs ForgeQ's part of benchmarks with the code of one checkout, on servers of its own: a process of bench/compare.ts. */
import { join } from "node:path";
import type { Bench, Measured, Run } from "./measure.ts";
import type { Servers } from "./servers.ts";

export type FromAgent = { readonly ready: true } | { readonly measured: Measured } | { readonly error: string };

const folder = process.argv[2] ?? "";
const { createBench } = (await import(join(folder, "bench/measure.ts"))) as {
  createBench: (servers: Servers) => Bench;
};
const { startServers } = (await import(join(folder, "bench/servers.ts"))) as {
  startServers: () => Promise<Servers>;
};

const say = (message: FromAgent): void => void process.send?.(message);

const servers = await startServers();
const bench = createBench(servers);
process.on("message", (run: Run | "end") => {
  if (run === "end") {
    void bench
      .close()
      .then(() => servers.stop())
      .then(() => process.exit(0));
    return;
  }
  bench.measure(run).then(
    (measured) => say({ measured }),
    (error: unknown) => say({ error: String(error) }),
  );
});
process.once("SIGTERM", () => void servers.stop().finally(() => process.exit(143)));
say({ ready: true });
