/** Clients that public generators make of the OpenAPI document, and programs that use them. */

export interface GeneratedClient {
  /** The generator's command below node_modules/.bin, with the document at `openapi.json`. */
  readonly command: readonly string[];
  /** Enqueues a job, waits for it, lists it, retries it, as far as types go; prints what it saw. */
  readonly program: string;
  /** Calls that must not compile, each on a line of its own. */
  readonly wrong: { readonly imports: string; readonly calls: readonly string[] };
}

const HEAD = `
const baseUrl = process.env.URL ?? "";
const key = process.env.KEY ?? "";
const metadata = { customer: 42, tags: ["a"] };
const payload = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
`;

const TAIL = `
console.log(JSON.stringify({ states, listed: page.data.some((job) => job.id === id), life: again.life }));
`;

/** What is wrong about a job, whoever sends it. */
const WRONG_JOBS = [
  `{ type: "send_mail", payload: { email: "a@example.com" } }`,
  `{ type: "send_email", payload: { email: 42 } }`,
  `{ type: "send_email", payload: { url: "https://example.com/" } }`,
  `{ type: "send_email", payload: { email: "a@example.com" }, metadata: "customer 42" }`,
  `{ type: "send_email", payload: { email: "a@example.com" }, priority: "high" }`,
  `{ type: "send_email", payload: { email: "a@example.com" }, delay: 60 }`,
];

export const CLIENTS: Readonly<Record<string, GeneratedClient>> = {
  "openapi-typescript": {
    command: ["openapi-typescript", "openapi.json", "--default-non-nullable", "false", "-o", "schema.d.ts"],
    program: `
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
${HEAD}
const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${key}\` } });
const { data: made } = await client.POST("/jobs", { body: { type: "generate_report", payload, metadata } });
if (made === undefined) throw new Error("not stored");
const { id } = made;
const path = { id };
const states = new Set<string>();
for (let state = ""; state !== "completed"; await pause()) {
  const { data: job } = await client.GET("/jobs/{id}", { params: { path } });
  states.add((state = job?.state ?? "none"));
}
const { data: page } = await client.GET("/jobs", { params: { query: { state: ["completed"], limit: 10 } } });
if (page === undefined) throw new Error("not listed");
const { data: again } = await client.POST("/jobs/{id}/retry", { params: { path }, body: { life: 1 } });
if (again === undefined) throw new Error("not retried");
${TAIL.replace("{ states,", "{ states: [...states],")}`,
    wrong: {
      imports: `import createClient from "openapi-fetch";
import type { paths } from "./schema.js";
const client = createClient<paths>();`,
      calls: [
        ...WRONG_JOBS.map((job) => `void client.POST("/jobs", { body: ${job} });`),
        `void client.GET("/jobs", { params: { query: { limit: "ten" } } });`,
      ],
    },
  },
  "hey-api": {
    command: ["openapi-ts", "-i", "openapi.json", "-o", "hey"],
    program: `
import { createClient } from "./hey/client/index.js";
import { enqueueJob, getJob, listJobs, retryJob } from "./hey/index.js";
${HEAD}
const client = createClient({ baseUrl, auth: key });
const { data: made } = await enqueueJob({ client, throwOnError: true, body: { type: "generate_report", payload, metadata } });
const { id } = made;
const path = { id };
const states = new Set<string>();
for (let state = ""; state !== "completed"; await pause()) {
  const { data: job } = await getJob({ client, throwOnError: true, path });
  states.add((state = job.state));
}
const { data: page } = await listJobs({ client, throwOnError: true, query: { state: ["completed"], limit: 10, paths: { "metadata.none": "x" } } });
if (page.data.length > 0) throw new Error("a condition on metadata did not arrive");
const { data: found } = await listJobs({ client, throwOnError: true, query: { state: ["completed"], limit: 10 } });
page.data = found.data;
const { data: again } = await retryJob({ client, throwOnError: true, path, body: { life: 1 } });
${TAIL.replace("{ states,", "{ states: [...states],")}`,
    wrong: {
      imports: `import { enqueueJob, listJobs } from "./hey/index.js";`,
      calls: [
        ...WRONG_JOBS.map((job) => `void enqueueJob({ body: ${job} });`),
        `void listJobs({ query: { limit: "ten" } });`,
      ],
    },
  },
  orval: {
    command: ["orval", "--config", "orval.config.cjs"],
    program: `
import { enqueueJob, getJob, listJobs, retryJob } from "./orval/client.js";
${HEAD}
const send = globalThis.fetch;
globalThis.fetch = (input, init) => send(baseUrl + String(input), { ...init, headers: { ...init?.headers, authorization: \`Bearer \${key}\` } });
const made = await enqueueJob({ type: "generate_report", payload, metadata });
if (made.status !== 201) throw new Error("not stored");
const { id } = made.data;
const states = new Set<string>();
for (let state = ""; state !== "completed"; await pause()) {
  const job = await getJob(id);
  if (job.status !== 200) throw new Error("not found");
  states.add((state = job.data.state));
}
const listed = await listJobs({ state: ["completed"], limit: 10 });
if (listed.status !== 200) throw new Error("not listed");
const { data: page } = listed;
const retried = await retryJob(id, { life: 1 });
if (retried.status !== 200) throw new Error("not retried");
const { data: again } = retried;
${TAIL.replace("{ states,", "{ states: [...states],")}`,
    wrong: {
      imports: `import { enqueueJob, listJobs } from "./orval/client.js";`,
      calls: [...WRONG_JOBS.map((job) => `void enqueueJob(${job});`), `void listJobs({ limit: "ten" });`],
    },
  },
};

/** A module of calls each of which is marked as one that must not compile; TypeScript refuses a mark where nothing is wrong. */
export const wrongCalls = ({ imports, calls }: GeneratedClient["wrong"]): string =>
  [imports, ...calls.flatMap((call) => ["// @ts-expect-error", call]), ""].join("\n");
