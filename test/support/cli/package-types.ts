/** What an application writes against the package's types: the right calls compile, and each wrong one is an error. */
export const RIGHT = `
import { defineConfig } from "forgeq/config";
import { enqueue } from "forgeq";
import { defineJob, lambdaHandler } from "forgeq/job";
import { testJob, testQueue } from "forgeq/testing";
import * as z from "zod";

export const job = defineJob({ type: "typed", payload: z.object({ email: z.string(), at: z.coerce.date().optional() }) });
export const handler = lambdaHandler(job, async ({ email, at }) => ({ email, year: at?.getUTCFullYear() }));
export const tx = { query: async (_text: string, _params?: unknown[]) => ({ rows: [] as unknown[] }) };
await enqueue(tx, job, { email: "a@example.com" }, { priority: 1, runAt: new Date() });
export const run = testJob(job, handler);
const { outcome, delaySeconds, enqueued, logs } = await run({ email: "a@example.com" }, { attempt: 2 });
export const seen: [string, number | null, number, string] = [outcome, delaySeconds, enqueued.length, logs[0]?.level ?? ""];
await testJob(job, async ({ email }, { attempt }) => email.repeat(attempt))({ email: "a@example.com" });
export const queue = await testQueue({ handlers: [handler], jobs: [job] });
await queue.enqueue(job, { email: "a@example.com" }, { delaySeconds: 1 });
await queue.assertEnqueued(job, { payload: { email: "a@example.com" }, priority: 5 });
await enqueue(queue, job, { email: "a@example.com" });
export default defineConfig({ jobs: "src/jobs", queues: [], concurrency: 3 });
`;

const expectErrors = (lines: readonly string[]): string =>
  lines.map((line) => `// @ts-expect-error -- it is wrong\n${line}`).join("\n");

export const WRONG = `
import { defineConfig } from "forgeq/config";
import { enqueue } from "forgeq";
import { defineJob, lambdaHandler } from "forgeq/job";
import { testJob, testQueue } from "forgeq/testing";
import * as z from "zod";
import { handler, job, queue, run, tx } from "./right.ts";

const other = defineJob({ type: "other", payload: z.object({ n: z.number() }) });
const otherHandler = lambdaHandler(other, async ({ n }) => n);
${expectErrors([
  'void enqueue(tx, job, { mail: "a@example.com" });',
  'void enqueue(tx, "typed", { email: "a@example.com" });',
  'void enqueue(tx, job, { email: "a@example.com" }, { prio: 1 });',
  'void enqueue(tx, job, { email: "a@example.com" }, { runAt: "now" });',
  "void run({ email: 3 });",
  "void run({});",
  'void run({ email: "a@example.com" }, { attempts: 2 });',
  "void testJob(job, otherHandler);",
  "void testJob(other, async ({ email }) => email);",
  "void queue.enqueue(job, { n: 1 });",
  'void queue.enqueue("typed", { email: "a@example.com" });',
  'void queue.enqueue(job, { email: "a@example.com" }, { delay: 1 });',
  "void queue.assertEnqueued(job, { payload: { n: 1 } });",
  "void queue.assertEnqueued(job, { prio: 5 });",
  "void testQueue({ handlers: [job] });",
  "void testQueue({ handler });",
  "defineConfig({ job: 3 });",
  "defineConfig({ jobs: 3 });",
])}
`;

/** The two ways in which TypeScript of today resolves a package. */
export const COMPILER_OPTIONS = {
  node16: { module: "Node16", moduleResolution: "node16" },
  bundler: { module: "ESNext", moduleResolution: "bundler" },
} as const;
