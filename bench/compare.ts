/**
 * `npm run bench:compare -- FOLDER name... [--rounds 5]`: the same benchmarks with the code of another checkout and of this one, in alternated rounds on one
 * machine. The other code runs twice a round: what its two runs differ by is the noise, which a difference has to exceed.
 */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { BENCHMARKS, type Benchmark } from "./benchmarks.ts";
import type { Found, FromAgent, ToAgent } from "./compare-agent.ts";
import type { Measured } from "./measure.ts";
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

names: ${[...BENCHMARKS.map(({ name }) => name), "http"].join(", ")}

http is POST /jobs through forgeq server, with 1 to 100 connections that each wait for an answer: the mean latency is connections by jobs a second.
FOLDER needs its own bench/node_modules for it. It runs where it is named.`;

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
  const ask = async (what: Exclude<ToAgent, "end">): Promise<FromAgent> => {
    const answer = next();
    child.send(what);
    const said = await answer;
    if ("error" in said) throw new Error(said.error);
    return said;
  };
  return {
    /** The figures of a benchmark, by the name that the table has for them. */
    measure: async (benchmark: Compared): Promise<ReadonlyMap<string, Measured>> => {
      if (benchmark === "http") {
        const { found } = (await ask({ study: "http" })) as { readonly found: readonly Found[] };
        return new Map(found.map((each) => [`http, ${each.connections} connections`, each]));
      }
      const subject = benchmark.subject ?? "forgeq";
      const run = benchmark.runs.find(({ system }) => system === subject);
      if (run === undefined) return new Map();
      return new Map([[benchmark.name, ((await ask(run)) as { readonly measured: Measured }).measured]]);
    },
    end: () =>
      new Promise<void>((done) => {
        child.once("exit", () => done());
        child.send("end");
      }),
  };
};

/** A benchmark, or the study of `POST /jobs`. */
type Compared = Benchmark | "http";

type Agent = Awaited<ReturnType<typeof startAgent>>;

type Side = "before" | "after" | "control";
type Round = Readonly<Record<Side, Measured>>;

/** The rows of one name's figures. */
const rowsOf = (name: string, rounds: readonly Round[]): string[] => {
  const figure = (round: Round, side: Side, field: (typeof FIELDS)[number]): number => round[side][field] ?? NaN;
  const cells = (field: (typeof FIELDS)[number]): string[] => {
    const of = (side: Side) => median(rounds.map((round) => figure(round, side, field))).toFixed(2);
    const by = (side: Side) =>
      median(rounds.map((round) => figure(round, side, field) / figure(round, "before", field))).toFixed(3);
    return [of("before"), of("after"), by("after"), by("control")];
  };
  return FIELDS.filter((field) => rounds.some(({ before }) => before[field] !== null)).map(
    (field) => `| ${[name, field, ...cells(field)].join(" | ")} |`,
  );
};

const compare = async (benchmark: Compared, rounds: number, before: Agent, after: Agent): Promise<string[]> => {
  const found = new Map<string, Round[]>();
  for (let round = 0; round < rounds; round += 1) {
    const measured: Partial<Record<Side, ReadonlyMap<string, Measured>>> = {};
    const order = [
      ["before", before],
      ["after", after],
      ["control", before],
    ] as const;
    for (const [side, agent] of round % 2 === 0 ? order : order.toReversed()) {
      measured[side] = await agent.measure(benchmark);
      for (const [name, { jobsPerSecond }] of measured[side])
        console.error(`${name} ${round + 1}/${rounds} ${side}: ${Math.round(jobsPerSecond)}/s`);
    }
    for (const [name, figures] of measured.before ?? []) {
      const [now, control] = [measured.after?.get(name), measured.control?.get(name)];
      if (now === undefined || control === undefined) throw new Error(`${name} was not measured with both codes`);
      found.set(name, [...(found.get(name) ?? []), { before: figures, after: now, control }]);
    }
  }
  return [...found].flatMap(([name, of]) => rowsOf(name, of));
};

const main = async (): Promise<void> => {
  const { rounds, named } = readOptions(process.argv.slice(2), USAGE, false);
  const [folder, ...names] = named;
  if (folder === undefined || !existsSync(folder)) return refuse("name the folder of the other checkout first", USAGE);
  const unknown = names.find((name) => name !== "http" && !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) return refuse(`there is no benchmark ${unknown}`, USAGE);
  const [before, after] = [await startAgent(resolve(folder)), await startAgent(resolve(HERE, ".."))];
  console.log("| benchmark | figure | before | after | after / before | control |");
  console.log("| --- | --- | ---: | ---: | ---: | ---: |");
  const compared = BENCHMARKS.filter(({ name }) => names.length === 0 || names.includes(name));
  for (const benchmark of [...compared, ...(names.includes("http") ? ["http" as const] : [])])
    for (const line of await compare(benchmark, rounds, before, after)) console.log(line);
  await Promise.all([before.end(), after.end()]);
};

await main();
