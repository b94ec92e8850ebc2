/** `npm run bench [-- name...] [--rounds 5] [--write]`: the benchmarks by name, or all of them. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BENCHMARKS } from "./benchmarks.ts";
import { describeMachine } from "./machine.ts";
import { createBench } from "./measure.ts";
import { readOptions, refuse } from "./options.ts";
import { inRounds } from "./rounds.ts";
import { startServers } from "./servers.ts";
import { tableOf } from "./report/table.ts";
import { writeResults } from "./report/write.ts";
import { STUDIES } from "./studies.ts";

const HERE = import.meta.dirname;

const installPeers = (): void => {
  if (existsSync(join(HERE, "node_modules"))) return;
  console.error("installing the peers into bench/node_modules");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: HERE, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the peers could not be installed");
};

const KNOWN = [...BENCHMARKS.map(({ name }) => name), ...Object.keys(STUDIES)];
const USAGE = `usage: npm run bench [-- name...] [--rounds n] [--write]

Runs these benchmarks, or all of them, and prints a table each.

  --rounds n  how often each of the systems runs; 5 where it is not given
  --write     puts the results into docs/performance

names: ${KNOWN.join(", ")}`;

const parse = (args: readonly string[]) => {
  const { named, ...options } = readOptions(args, USAGE, true);
  const unknown = named.find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) refuse(`there is no benchmark ${unknown}`, USAGE);
  return { ...options, wanted: (name: string) => named.length === 0 || named.includes(name) };
};

const main = async (): Promise<void> => {
  const { rounds, write, wanted } = parse(process.argv.slice(2));
  installPeers();
  const servers = await startServers();
  let stopped = false;
  const stop = () => {
    stopped = true;
    void servers.stop().finally(() => process.exit(130));
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const machine = await describeMachine(servers.postgres.url());
    const bench = createBench(servers);
    const skip = (system: string) => system === "bullmq" && servers.redis === null;
    for (const benchmark of BENCHMARKS.filter(({ name }) => wanted(name))) {
      const result = await inRounds(bench, benchmark, rounds, skip, (text) => console.error(text));
      // What failed because its server was stopped is no result.
      if (stopped) return;
      console.log(tableOf(result));
      if (Object.keys(result.failed).length > 0) process.exitCode = 1;
      if (write) writeResults(machine, { [result.name]: result });
    }
    for (const [name, study] of Object.entries(STUDIES).filter(([each]) => wanted(each))) {
      const found = await study(servers, (text) => console.error(`${name}: ${text}`)).catch((error: unknown) => {
        console.error(`${name}: failed, ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        process.exitCode = 1;
        return null;
      });
      if (found === null) continue;
      console.log(JSON.stringify(found, null, 2));
      if (write) writeResults(machine, { [name]: found });
    }
    await bench.close();
  } finally {
    await servers.stop();
  }
};

await main();
