import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../lib/core/define.ts";
import type { JobOptions } from "../../lib/core/new-job.ts";
import { instant } from "../../lib/cli/arguments.ts";
import { toNewJob } from "../../lib/queue/enqueue/typed-job.ts";

const definition = defineJob({ type: "plain", payload: z.object({}) });

describe("options of a job in TypeScript", () => {
  it.each<[string, unknown, string]>([
    ["delaySeconds", NaN, "must be 0 to 31536000"],
    ["delaySeconds", Infinity, "must be 0 to 31536000"],
    ["delaySeconds", null, "must be 0 to 31536000"],
    ["delaySeconds", -5, "must be 0 to 31536000"],
    ["delaySeconds", 1e12, "must be 0 to 31536000"],
    ["delaySeconds", "5", "must be 0 to 31536000"],
    ["priority", 10, "must be a whole number from 0 to 9"],
    ["priority", 1.5, "must be a whole number from 0 to 9"],
    ["maxAttempts", 0, "must be a whole number from 1 to 1000"],
    ["queue", "Bad Name", "must match ^[a-z][a-z0-9_-]{0,39}$"],
    ["uniqueKey", "x".repeat(201), "must be a text of 1 to 200 characters"],
    ["uniqueKey", "", "must be a text of 1 to 200 characters"],
    ["uniqueKey", 5, "must be a text of 1 to 200 characters"],
    ["id", "x", "must be a UUID"],
    ["runAt", new Date(NaN), "must be a Date that names an instant"],
    ["runAt", "2030-01-01T00:00:00Z", "must be a Date that names an instant"],
    ["metadata", [], "must be an object"],
    ["metadata", { text: "x".repeat(16_384) }, "must have 16 KiB at most"],
    ["run_at", new Date(), "is not an option"],
    ["toString", 1, "is not an option"],
  ])("%s: %s is refused, by its name", (name, value, message) => {
    const options = { [name]: value } as JobOptions;
    const refusal = expect.objectContaining({
      code: "invalid_job",
      message: `${name} ${message}`,
      details: { errors: [{ pointer: `/${name}`, message }] },
    }) as Error;
    expect(() => toNewJob(definition, {}, options)).toThrow(refusal);
  });

  it("names where in the metadata something can't be stored, and each wrong option", () => {
    const metadata = { a: [1n] } as unknown as Record<string, unknown>;
    expect(() => toNewJob(definition, {}, { metadata, priority: 12 })).toThrow(
      /metadata\/a\/0 is bigint, which JSON can't hold; priority must be/,
    );
    expect(() => toNewJob(definition, {}, { runAt: new Date(), delaySeconds: 1 })).toThrow(
      "delaySeconds can't be given together with runAt",
    );
  });

  it("are taken where HTTP takes them", () => {
    const options = { priority: 0, delaySeconds: 0, maxAttempts: 1000, queue: "plain", uniqueKey: "a", metadata: {} };
    expect(toNewJob(definition, {}, { ...options, id: undefined })).toMatchObject(options);
  });
});

describe("an instant on the command line", () => {
  it.each(["2030-02-30T00:00:00Z", "2030-13-01T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:00:00", "tomorrow"])(
    "is not %s",
    (text) => expect(() => instant(text)).toThrow("Give an instant"),
  );
  it.each(["2028-02-29T00:00:00Z", "2030-12-31T23:59:59.999+14:00", "2030-01-01T00:00z"])("is %s", (text) =>
    expect(instant(text)).toEqual(new Date(text)),
  );
});
