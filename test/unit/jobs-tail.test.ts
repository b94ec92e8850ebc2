import { expect, it } from "vitest";
import { createNews } from "../../lib/cli/run-jobs-tail.ts";
import type { Job } from "../../lib/db/reads/jobs.ts";

const job = (id: string, state: Job["state"], life = 1, attempt = 1): Job =>
  ({ id, state, life, attempt, finishedAt: state === "completed" || state === "dead" ? new Date() : null }) as Job;

it("tells of a job when it has changed, and of no older state that is read later", () => {
  const tell = createNews();
  const news = (
    [
      [job("a", "running"), true],
      [job("a", "running"), false],
      [job("a", "pending"), true],
      [job("a", "running", 1, 2), true],
      [job("a", "dead", 1, 2), true],
      // Read by a statement that began before it ended.
      [job("a", "running", 1, 2), false],
      [job("a", "dead", 1, 2), false],
      [job("a", "pending", 2, 0), true],
      // Its first end is still found among those of the last seconds.
      [job("a", "dead", 1, 2), false],
      [job("a", "pending", 2, 0), false],
      [job("a", "completed", 2), true],
      [job("a", "dead", 1, 2), false],
    ] as const
  ).map(([each, expected]) => [tell(each), expected]);
  for (const [told, expected] of news) expect(told).toBe(expected);
});

it("remembers a bounded number of jobs, those that were read last", () => {
  const tell = createNews(2);
  expect(["a", "b", "a", "c"].map((id) => tell(job(id, "completed")))).toEqual([true, true, false, true]);
  expect(["a", "c", "b"].map((id) => tell(job(id, "completed")))).toEqual([false, false, true]);
});
