/**
 * `npm run bench:compare -- FOLDER name... [--rounds 5]`: the same benchmarks with the code of another checkout and of this one, in alternated rounds on one
 * machine. The other code runs twice a round: what its two runs differ by is the noise, which a difference has to exceed.
 */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { BENCHMARKS, type Benchmark } from "./benchmarks.ts";
import type { FromAgent } from "./compare-agent.ts";
import type { Measured, Run } from "./measure.ts";
import { readOptions, refuse } from "./options.ts";
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

const USAGE = `usage: npm run bench:compare -- FOLDER name... [--rounds n]

Runs benchmarks with the code of another checkout in FOLDER and with this one, in alternated rounds, and prints the ratios.

  --rounds n  how often each of the codes runs; 5 where it is not given

names: ${BENCHMARKS.map(({ name }) => name).join(", ")}`;

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
  const { rounds, named } = readOptions(process.argv.slice(2), USAGE, false);
  const [folder, ...names] = named;
  if (folder === undefined || !existsSync(folder)) return refuse("name the folder of the other checkout first", USAGE);
  const unknown = names.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) return refuse(`there is no benchmark ${unknown}`, USAGE);
  const [before, after] = [await startAgent(resolve(folder)), await startAgent(resolve(HERE, ".."))];
  console.log("| benchmark | figure | before | after | after / before | control |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: |");
  for (const benchmark of BENCHMARKS.filter(({ name }) => names.length === 0 || names.includes(name)))
    for (const line of await compare(benchmark, rounds, before, after)) console.log(line);
  await Promise.all([before.end(), after.end()]);
};

await main();
