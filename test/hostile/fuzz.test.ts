/** Thousands of hostile requests by a seed: FORGEQ_HOSTILE_REQUESTS=200000 FORGEQ_HOSTILE_SEED=1 for more of them, and others. */
import { readFileSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { queues } from "../../functions/queues.ts";
import { jobs } from "../../functions/registry.ts";
import { exampleBodies } from "../../lib/http/examples.ts";
import { syncDefinitions } from "../../lib/queue/manage/sync-definitions.ts";
import { ROOT } from "../support/cli/cli.ts";
import { startServer } from "../support/cli/project.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { hostileRequest, type HostileRequest, randomOf } from "../support/http/hostile-requests.ts";
import { SECRET } from "../support/http/http.ts";

const REQUESTS = Number(process.env["FORGEQ_HOSTILE_REQUESTS"] ?? 5_000);
const SEED = Number(process.env["FORGEQ_HOSTILE_SEED"] ?? 26);
const CONCURRENT = 8;
const ANSWER_MS = 20_000;
/** What the process may take more at the end than after the first fifth. */
const GROWTH_BYTES = 150_000_000;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

const decoded = (bytes: Buffer, encoding: string | undefined): string =>
  // An answer to HEAD names an encoding and has no content.
  bytes.length === 0
    ? ""
    : (encoding === "br" ? brotliDecompressSync(bytes) : encoding === "gzip" ? gunzipSync(bytes) : bytes).toString();

const send = (origin: string, agent: Agent, asked: HostileRequest): Promise<Answer | "cut"> =>
  new Promise((resolve, reject) => {
    const { method, path, headers, body, chunked, truncated } = asked;
    const url = new URL(origin);
    const framing = chunked ? { "transfer-encoding": "chunked" } : {};
    const length =
      body === null || chunked ? framing : { "content-length": String(body.length + (truncated ? 10 : 0)) };
    const request = httpRequest({ agent, host: url.hostname, port: url.port, method, path, headers: { authorization: `Bearer ${SECRET}`, ...headers, ...length } }); // prettier-ignore
    request.setTimeout(ANSWER_MS, () => request.destroy(new Error(`no answer to ${method} ${path.slice(0, 200)}`)));
    // A server may answer and hang up before a large body has come.
    request.on("error", (error: NodeJS.ErrnoException) =>
      truncated || error.code === "EPIPE" || error.code === "ECONNRESET" ? resolve("cut") : reject(error),
    );
    // One that was destroyed in time ends without an error.
    request.on("close", () => resolve("cut"));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => resolve("cut"));
      response.on("end", () => {
        if (!response.complete) return resolve("cut");
        return resolve({
          status: response.statusCode ?? 0,
          type: response.headers["content-type"] ?? "",
          text: decoded(Buffer.concat(chunks), response.headers["content-encoding"]),
        });
      });
    });
    if (body === null) return request.end();
    if (chunked) for (let at = 0; at < body.length; at += 50_000) request.write(body.subarray(at, at + 50_000));
    else request.write(body);
    if (truncated) setImmediate(() => request.destroy());
    else request.end();
    return undefined;
  });

const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

/** What is wrong about an answer, in words; null when nothing is. */
const faultOf = ({ method }: HostileRequest, { status, type, text }: Answer): string | null => {
  if (status >= 500) return `${status} ${text}`;
  if (status < 400 || method === "HEAD") return null;
  if (!type.startsWith("application/problem+json")) return `${status} as ${type}: ${text.slice(0, 200)}`;
  const { code, status: told } = JSON.parse(text) as { code?: string; status?: number };
  return typeof code === "string" && told === status ? null : `${status} without its code: ${text}`;
};

it(
  `${REQUESTS} hostile requests get answers of 4xx at worst, and what is taken is stored as it was sent`,
  { timeout: 60_000 + REQUESTS * 100 },
  async () => {
    const { db, url } = await createTestDatabase();
    await syncDefinitions(db, jobs, queues);
    const server = await startServer(ROOT, { DATABASE_URL: url, FORGEQ_LOG_LEVEL: "error" });
    const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
    const random = randomOf(SEED);
    const { enqueueJob, ...others } = exampleBodies(jobs) as Record<string, object>;
    const examples = { ...others, enqueueJob: { ...enqueueJob, unique_key: undefined } };
    const types = new Map(jobs.map((job) => [job.type, job]));
    const faults: string[] = [];
    const taken: { id: string; type: string; sent: unknown }[] = [];
    const byStatus: Record<string, number> = {};
    let [asked, early] = [0, 0];

    const ask = async (): Promise<void> => {
      while (asked < REQUESTS) {
        asked += 1;
        if (asked === Math.floor(REQUESTS / 5)) early = residentBytes(server.child.pid!);
        const request = hostileRequest(random, examples);
        const answer = await send(server.origin, agent, request);
        if (answer === "cut") continue;
        byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1;
        const fault = faultOf(request, answer);
        if (fault !== null) faults.push(`${request.method} ${request.path.slice(0, 200)} ${request.body?.toString().slice(0, 300) ?? ""}: ${fault}`); // prettier-ignore
        if (answer.status !== 201 || request.method !== "POST" || !/^\/jobs(\?|$)/.test(request.path)) continue;
        const { type, payload } = JSON.parse(request.body!.toString().replace(/^\uFEFF/, "")) as {
          type: string;
          payload: unknown;
        };
        taken.push({ id: (JSON.parse(answer.text) as { id: string }).id, type, sent: payload });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, ask));
    agent.destroy();

    expect(faults.slice(0, 10)).toEqual([]);
    expect(taken.length).toBeGreaterThan(0);
    for (const { id, type, sent } of taken) {
      const response = await fetch(`${server.origin}/jobs/${id}`, { headers: { authorization: `Bearer ${SECRET}` } });
      if (response.status === 404) continue;
      expect(((await response.json()) as { payload: unknown }).payload).toEqual(types.get(type)!.payload.parse(sent));
    }
    expect(Object.keys(byStatus).length).toBeGreaterThan(6);
    expect(residentBytes(server.child.pid!) - early).toBeLessThan(GROWTH_BYTES);
    expect(server.child.exitCode).toBeNull();
  },
);
