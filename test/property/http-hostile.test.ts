import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createHandler as createApi } from "../../functions/api.ts";
import { createHandler as createEnqueue } from "../../functions/enqueue.ts";
import { crawlPage } from "../../functions/handlers/crawl_page/job.ts";
import { generateReport } from "../../functions/handlers/generate_report/job.ts";
import { sendEmail } from "../../functions/handlers/send_email/job.ts";
import { CONTEXT, eventOf, ALL_SCOPES } from "../support/http/http.ts";
import { answering, httpDeps } from "../support/http/http-deps.ts";

const JOBS = [sendEmail, crawlPage, generateReport];

const anything = fc.oneof(
  fc.jsonValue({ stringUnit: "binary" }),
  fc.string({ unit: "binary" }),
  fc.constant(undefined),
);

/** Bodies that get past one check and then another: the fields of a job, each right, wrong or left out. */
const nearlyJobs = fc.record(
  {
    type: fc.oneof(fc.constantFrom("send_email", "crawl_page", "generate_report", "__proto__", "toString"), anything),
    payload: fc.oneof(
      fc.record(
        {
          email: anything,
          subject: anything,
          body: anything,
          url: fc.oneof(fc.webUrl(), anything),
          from: anything,
          to: anything,
        },
        { requiredKeys: [] },
      ),
      anything,
    ),
    id: fc.oneof(fc.uuid(), anything),
    queue: anything,
    priority: fc.oneof(fc.integer(), anything),
    run_at: fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      anything,
    ),
    delay_seconds: fc.oneof(fc.double(), anything),
    max_attempts: anything,
    unique_key: anything,
    metadata: fc.oneof(fc.dictionary(fc.string({ unit: "binary" }), anything), anything),
  },
  { requiredKeys: [] },
);

const bodies = fc.oneof(
  fc.string({ unit: "binary" }),
  anything.map((value) => JSON.stringify(value) ?? ""),
  nearlyJobs.map((value) => JSON.stringify(value)),
  fc.array(nearlyJobs, { maxLength: 4 }).map((jobs) => JSON.stringify({ jobs })),
);

/** Stores nothing, so a body that happens to be right answers 503: there is no database. */
const noDatabase = () =>
  answering({
    enqueue: () => {
      throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    },
  }).db;

describe("the HTTP functions", () => {
  it("answer every body of a job with a 4xx problem", { timeout: 60_000 }, async () => {
    const handler = createEnqueue(httpDeps(noDatabase()), ALL_SCOPES, JOBS);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("/jobs", "/jobs/batch"),
        bodies,
        fc.boolean(),
        async (path, body, isBase64Encoded) => {
          const sent = isBase64Encoded ? Buffer.from(body).toString("base64") : body;
          const answer = await handler(eventOf({ path, body: sent, isBase64Encoded }), { ...CONTEXT });
          const problem = JSON.parse(answer.body ?? "") as { status: number; code: string };
          expect(problem.status).toBe(answer.statusCode);
          if (problem.code === "database_unavailable") return;
          expect(problem.status).toBeGreaterThanOrEqual(400);
          expect(problem.status).toBeLessThan(500);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("answer every path, query and header with a 4xx problem", { timeout: 60_000 }, async () => {
    const handler = createApi(httpDeps(answering({}).db), ALL_SCOPES);
    const paths = fc.oneof(
      fc.webPath(),
      fc.string({ unit: "binary" }).map((text) => `/jobs/${text}`),
      fc.constantFrom("/jobs", "/jobs/x/cancel", "/queues/No/pause"),
    );
    const queries = fc.oneof(fc.webQueryParameters(), fc.string({ unit: "binary" })).filter((text) => text !== "");
    const headers = fc.dictionary(fc.string(), fc.string({ unit: "binary" }));
    const methods = fc.constantFrom("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "");
    await fc.assert(
      fc.asyncProperty(methods, paths, queries, headers, async (method, path, query, extra) => {
        fc.pre(!["/queues", "/health"].includes(path) && !/^\/queues\/[a-z]/.test(path));
        const answer = await handler(eventOf({ method, path, query: `x${query}`, headers: extra }), { ...CONTEXT });
        // It says which methods a path has, and looks at nothing else.
        if (method === "OPTIONS" && answer.statusCode === 204) return;
        expect(answer.statusCode).toBeGreaterThanOrEqual(400);
        expect(answer.statusCode).toBeLessThan(500);
        expect(JSON.parse(answer.body ?? "")).toHaveProperty("code");
      }),
      { numRuns: 300 },
    );
  });
});
