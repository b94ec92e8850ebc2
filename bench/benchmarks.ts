/** The benchmarks that pit queues against each other: what runs, with which must and goal ratios. */
import type { Run } from "./measure.ts";

export interface Peers {
  readonly [system: string]: { readonly must?: number; readonly goal?: number };
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** What is compared: jobs a second, or the median from enqueue to start. */
  readonly figure: "jobsPerSecond" | "p50Ms";
  readonly runs: readonly Run[];
  readonly peers: Peers;
  /** Which of ForgeQ's ways is compared with the peers; `forgeq` unless given. */
  readonly subject?: string;
}

const SYSTEMS = ["forgeq", "raw", "graphile-worker", "pg-boss", "bullmq"] as const;

const all = (run: Omit<Run, "system">, systems: readonly string[] = SYSTEMS): Run[] =>
  systems.map((system) => ({ ...run, system }));

const drain = (count: number) => ({ kind: "drain", count }) as const;
const latency = { kind: "latency", perSecond: 50, count: 250 } as const;
const LATENCY_PEERS = ["graphile-worker", "pg-boss", "bullmq"];

const rtt = (rttMs: number): Benchmark => ({
  name: `drain-rtt-${rttMs}`,
  title: `Drain at ${rttMs} ms round-trip time`,
  figure: "jobsPerSecond",
  runs: all({ task: drain(150_000), rttMs }, ["forgeq", "raw", "graphile-worker", "pg-boss"]),
  peers:
    rttMs === 20
      ? { "graphile-worker": { must: 3, goal: 4 }, "pg-boss": { must: 2, goal: 2.7 }, raw: { must: 0.8 } }
      : { "graphile-worker": {}, "pg-boss": {}, raw: {} },
});

export const BENCHMARKS: readonly Benchmark[] = [
  {
    name: "enqueue",
    title: "Single enqueue, 10 callers of one process",
    figure: "jobsPerSecond",
    runs: all({ task: { kind: "enqueue", callers: 10, count: 12_000 } }),
    peers: {
      "graphile-worker": { must: 12, goal: 16 },
      "pg-boss": { must: 10, goal: 14 },
      bullmq: { must: 0.8, goal: 1 },
      raw: { must: 0.7 },
    },
  },
  {
    name: "enqueue-processes",
    title: "Single enqueue, 10 processes with a caller each",
    figure: "jobsPerSecond",
    runs: all({ task: { kind: "enqueue", callers: 1, count: 600 }, processes: 10 }),
    peers: {
      "graphile-worker": { must: 5, goal: 7 },
      "pg-boss": { must: 5, goal: 6.5 },
      bullmq: { must: 0.4 },
      raw: { must: 0.7 },
    },
  },
  {
    name: "bulk",
    title: "Bulk enqueue, 1,000 jobs a call",
    figure: "jobsPerSecond",
    runs: all({ task: { kind: "bulk", callers: 2, count: 160_000, size: 1_000 } }),
    peers: {
      "graphile-worker": { must: 2, goal: 2.4 },
      "pg-boss": { must: 2.5, goal: 3 },
      bullmq: { must: 3, goal: 4 },
      raw: { must: 0.7 },
    },
  },
  {
    name: "enqueue-mixed",
    title: "Single enqueue of five types, 10 callers of one process",
    figure: "jobsPerSecond",
    runs: all({ task: { kind: "enqueue", callers: 10, count: 12_000, types: 5 } }, ["forgeq"]),
    peers: {},
  },
  {
    name: "bulk-mixed",
    title: "Bulk enqueue of five types, 1,000 jobs a call",
    figure: "jobsPerSecond",
    runs: all({ task: { kind: "bulk", callers: 2, count: 100_000, size: 1_000, types: 5 } }, ["forgeq"]),
    peers: {},
  },
  {
    name: "drain",
    title: "Drain, an outcome per job, history kept",
    figure: "jobsPerSecond",
    runs: all({ task: drain(150_000) }),
    peers: {
      "graphile-worker": { must: 1.3, goal: 1.8 },
      "pg-boss": { must: 1.8, goal: 2.5 },
      bullmq: { must: 3, goal: 4.5 },
      raw: { must: 0.8 },
    },
  },
  {
    name: "drain-no-history",
    title: "Drain of a queue that keeps no completed jobs",
    figure: "jobsPerSecond",
    runs: all({ task: drain(150_000), keepHistory: false }),
    peers: {
      "graphile-worker": { must: 2, goal: 2.4 },
      "pg-boss": { must: 2.6, goal: 3.3 },
      bullmq: { must: 4.5 },
      raw: { must: 0.8 },
    },
  },
  rtt(5),
  rtt(20),
  {
    name: "latency",
    title: "Enqueue to start at 50 jobs a second, a woken worker",
    figure: "p50Ms",
    runs: all({ task: latency }, ["forgeq", "raw", ...LATENCY_PEERS]),
    peers: { "graphile-worker": { must: 0.7 }, "pg-boss": { must: 0.4 }, bullmq: {}, raw: {} },
  },
  {
    name: "latency-eager",
    title: "Enqueue to start at 50 jobs a second, started by the producer",
    figure: "p50Ms",
    runs: all({ task: latency }, ["forgeq-eager", "forgeq-eager-lambda", "raw-eager", ...LATENCY_PEERS]),
    peers: {
      "graphile-worker": { must: 0.4 },
      "pg-boss": { must: 0.25 },
      bullmq: { must: 1 },
      "raw-eager": {},
      "forgeq-eager-lambda": {},
    },
    subject: "forgeq-eager",
  },
];
