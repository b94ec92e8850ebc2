import { describe, expect, it, vi } from "vitest";
import { ERROR_CODES, ForgeqError } from "../../lib/core/errors.ts";
import type { ErrorDetails } from "../../lib/core/errors.ts";
import { logFailure, problemOf } from "../../lib/http/problem.ts";

const describeProblem = (error: unknown) => problemOf(error, "request-1");
const ofCode = (code: (typeof ERROR_CODES)[number], details?: ErrorDetails) =>
  describeProblem(new ForgeqError(code, "The detail", details));

describe("problemOf", () => {
  it("gives every code a 4xx or 5xx and the members of RFC 9457", () => {
    for (const code of ERROR_CODES) {
      const { status, headers, body } = ofCode(code);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(headers).toHaveProperty("content-type", "application/problem+json");
      expect(body).toMatchObject({ type: `urn:forgeq:problem:${code}`, status, code, request_id: "request-1" });
      expect(body).toHaveProperty("title", expect.stringMatching(/./));
    }
  });

  it("tells field errors by pointer", () => {
    expect(
      ofCode("invalid_payload", { errors: [{ pointer: "/payload/email", message: "is wrong" }] }).body,
    ).toMatchObject({
      status: 422,
      detail: "The detail",
      errors: [{ pointer: "/payload/email", detail: "is wrong" }],
    });
  });

  it("tells nothing of the details but what is meant for clients", () => {
    const { body } = ofCode("illegal_state", { state: "completed", sql: "select", index: 3 });
    expect(body).toHaveProperty("state", "completed");
    expect(JSON.stringify(body)).not.toMatch(/select|index/);
  });

  it.each([
    ["queue_full", {}, "5"],
    ["rate_limited", { retryAfterSeconds: 12.3 }, "13"],
    ["database_unavailable", { retryAfterSeconds: 0 }, "1"],
    ["busy", {}, "1"],
  ] as const)("says when to come back after %s", (code, details, seconds) => {
    expect(ofCode(code, details).headers).toHaveProperty("retry-after", seconds);
  });

  it("says how to authenticate", () => {
    expect(ofCode("unauthorized").headers).toHaveProperty("www-authenticate", 'Bearer realm="forgeq"');
    expect(ofCode("forbidden", { scope: "jobs:read" }).headers).toHaveProperty(
      "www-authenticate",
      'Bearer realm="forgeq", error="insufficient_scope", scope="jobs:read"',
    );
  });

  it("tells nothing about an unexpected error", () => {
    for (const error of [
      new Error('select "secret" failed'),
      "secret",
      null,
      new ForgeqError("internal", "secret key"),
    ]) {
      const answer = describeProblem(error);
      expect(answer.status).toBe(500);
      expect(JSON.stringify(answer)).not.toMatch(/secret|select|at .*\.ts/);
    }
  });
});

describe("logFailure", () => {
  const log = () => ({ debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() });

  it("logs an unexpected error with its cause, and not the values that a driver puts on it", () => {
    const to = log();
    const cause = Object.assign(new Error("duplicate key"), {
      code: "23505",
      detail: "Key (payload)=(canary)",
      parameters: ["canary"],
    });
    logFailure(new Error("insert failed", { cause }), "request-1", to);
    expect(to.error).toHaveBeenCalledOnce();
    const text = JSON.stringify(to.error.mock.calls);
    expect(text).toMatch(/request-1.*insert failed.*duplicate key.*23505/);
    expect(text).not.toContain("canary");
  });

  it("warns of what passes by itself, and leaves out a client's mistakes", () => {
    const to = log();
    logFailure(new ForgeqError("database_unavailable", "gone"), "request-1", to);
    logFailure(new ForgeqError("invalid_payload", "wrong"), "request-2", to);
    logFailure(new ForgeqError("queue_full", "full"), "request-3", to);
    expect(to.warn).toHaveBeenCalledOnce();
    expect(to.error).not.toHaveBeenCalled();
  });
});
