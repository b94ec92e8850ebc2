/**
 * `npm run bench:compare -- FOLDER name... [--rounds 5]`: the same benchmarks with the code of another checkout and of this one, in alternated rounds on one
 * machine. The other code runs twice a round: what its two runs differ by is the noise, which a difference has to exceed.
 */
import { fork } from "node:child_process";
import { resolve } from "node:path";
import { BENCHMARKS, type Benchmark } from "./benchmarks.ts";
import type { FromAgent } from "./compare-agent.ts";
import type { Measured, Run } from "./measure.ts";
import { median } from "./rounds.ts";

const HERE = import.meta.dirname;
const FIELDS = [
  "jobsPerSecond",
  "p50Ms",
  "p99Ms",
  "walBytes",
  "statements",
  "serverCpuMicros",
  "nodeCpuMicros",
] as const;

const startAgent = async (folder: string) => {
  const child = fork(resolve(HERE, "compare-agent.ts"), [folder], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const next = (): Promise<FromAgent> =>
    new Promise((done, fail) => {
      const ended = (code: number | null) => fail(new Error(`the agent of ${folder} ended (${code})`));
      child.once("exit", ended);
      child.once("message", (message) => {
        child.off("exit", ended);
        done(message as FromAgent);
      });
    });
  await next();
  return {
    measure: async (run: Run): Promise<Measured> => {
      const answer = next();
      child.send(run);
      const said = await answer;
      if (!("measured" in said)) throw new Error("error" in said ? said.error : "no answer");
      return said.measured;
    },
    end: () =>
      new Promise<void>((done) => {
        child.once("exit", () => done());
        child.send("end");
      }),
  };
};

type Agent = Awaited<ReturnType<typeof startAgent>>;

const compare = async (benchmark: Benchmark, rounds: number, before: Agent, after: Agent): Promise<string[]> => {
  const subject = benchmark.subject ?? "forgeq";
  const run = benchmark.runs.find(({ system }) => system === subject);
  if (run === undefined) return [];
  const found: Record<"before" | "after" | "control", Measured[]> = { before: [], after: [], control: [] };
  for (let round = 0; round < rounds; round += 1) {
    const order = [
      ["before", before],
      ["after", after],
      ["control", before],
    ] as const;
    for (const [side, agent] of round % 2 === 0 ? order : order.toReversed()) {
      const measured = await agent.measure(run);
      found[side].push(measured);
      console.error(`${benchmark.name} ${round + 1}/${rounds} ${side}: ${Math.round(measured.jobsPerSecond)}/s`);
    }
  }
  const ratio = (field: (typeof FIELDS)[number], side: "after" | "control"): string => {
    const ratios = found[side].map((each, n) => (each[field] ?? NaN) / (found.before[n]?.[field] ?? NaN));
    return median(ratios).toFixed(3);
  };
  const medianOf = (field: (typeof FIELDS)[number], side: "before" | "after"): string =>
    median(found[side].map((each) => each[field] ?? NaN)).toFixed(2);
  return FIELDS.filter((field) => found.before.some((each) => each[field] !== null)).map((field) =>
    [
      "",
      benchmark.name,
      field,
      medianOf(field, "before"),
      medianOf(field, "after"),
      ratio(field, "after"),
      ratio(field, "control"),
      "",
    ]
      .join(" | ")
      .trim(),
  );
};

const main = async (): Promise<void> => {
  const [folder, ...rest] = process.argv.slice(2);
  const at = rest.indexOf("--rounds");
  const rounds = at === -1 ? 5 : Number(rest[at + 1]);
  const names = rest.filter((arg, index) => !arg.startsWith("--") && (at === -1 || index !== at + 1));
  const unknown = names.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (folder === undefined || unknown !== undefined || !(rounds >= 1)) {
    console.error(
      `usage: npm run bench:compare -- FOLDER name... [--rounds n]\nnames: ${BENCHMARKS.map(({ name }) => name).join(", ")}`,
    );
    process.exit(2);
  }
  const [before, after] = [await startAgent(resolve(folder)), await startAgent(resolve(HERE, ".."))];
  console.log("| benchmark | figure | before | after | after / before | control |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: |");
  for (const benchmark of BENCHMARKS.filter(({ name }) => names.length === 0 || names.includes(name)))
    for (const line of await compare(benchmark, rounds, before, after)) console.log(line);
  await Promise.all([before.end(), after.end()]);
};

await main();
