import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { currentAttempt, inAttempt } from "../../lib/queue/run/current-attempt.ts";

it("is each handler's own wherever its work goes on, and nobody's outside; what the application keeps in such a place stays", async () => {
  const tenant = new AsyncLocalStorage<string>();
  const seen: (readonly (string | undefined)[])[] = [];
  const note = (jobId: string) => seen.push([jobId, currentAttempt()?.jobId, tenant.getStore()]);
  const begin = (jobId: string) =>
    inAttempt({ jobId, leaseId: "lease" }, async () => {
      note(jobId);
      await Promise.resolve();
      // Not waited for.
      void pause(5).then(() => note(jobId));
      await pause(1);
      note(jobId);
    });
  await tenant.run("acme", async () => {
    const handlers = ["a", "b", "c"].map(begin);
    expect(currentAttempt()).toBeNull();
    await Promise.all(handlers);
    expect(currentAttempt()).toBeNull();
  });
  await pause(10);
  expect(seen).toHaveLength(9);
  for (const [jobId, attempt, kept] of seen) expect([attempt, kept]).toEqual([jobId, "acme"]);
});

it("is given back to the caller where a handler throws at once", () => {
  const attempt = { jobId: "a", leaseId: "lease" };
  const thrown = () => {
    throw new Error(currentAttempt()?.jobId);
  };
  expect(() => inAttempt(attempt, thrown)).toThrow("a");
  expect(currentAttempt()).toBeNull();
});
