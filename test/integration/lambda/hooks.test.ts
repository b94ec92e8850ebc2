import { AsyncLocalStorage } from "node:async_hooks";
import { expect, it, onTestFinished } from "vitest";
import { PermanentError } from "../../../lib/core/errors.ts";
import { type FailedAttempt, setHooks } from "../../../lib/queue/run/hooks.ts";
import { run } from "../../support/lambda/run.ts";
import { setup } from "../../support/queue.ts";

it("runs one function around every handler, and tells one of every attempt that failed", async () => {
  onTestFinished(() => setHooks({}));
  const tenant = new AsyncLocalStorage<string>();
  const failures: FailedAttempt[] = [];
  const around: string[] = [];
  setHooks({
    around: (job, next) => {
      around.push(job.type);
      return tenant.run(String(job.metadata["tenant"]), next);
    },
    onFailure: (failed) => {
      failures.push(failed);
      return Promise.reject(new Error("the hook itself"));
    },
  });
  const s = await setup();
  const ids = await s.queue.enqueue(4, { metadata: { tenant: "a" } });
  await s.db.query("update forgeq.job set payload = '7' where id = $1", [ids[3]]);
  const thrown = [null, new Error("no"), new PermanentError("never")];
  await run(s, (_, job) => {
    const error = thrown[ids.indexOf(job.id)];
    return error ? Promise.reject(error) : Promise.resolve(tenant.getStore());
  });
  expect(await s.queue.get(ids[0] ?? "")).toMatchObject({ state: "completed", result: "a" });
  expect(around).toEqual(["plain", "plain", "plain"]);
  const told = failures.map(({ id, outcome }) => [ids.indexOf(id), outcome]).sort();
  expect(told).toEqual([
    [1, "retry"],
    [2, "dead"],
    [3, "dead"],
  ]);
  expect(failures.find(({ id }) => id === ids[1])).toMatchObject({
    ...{ type: "plain", queue: "plain", attempt: 1, maxAttempts: 3, error: thrown[1] },
  });
});

it("an attempt fails with what the function around it throws", async () => {
  onTestFinished(() => setHooks({}));
  setHooks({ around: () => Promise.reject(new PermanentError("no tenant")) });
  const s = await setup();
  const [id = ""] = await s.queue.enqueue(1);
  await run(s, () => Promise.resolve());
  expect(await s.queue.get(id)).toMatchObject({ state: "dead", error: { message: "no tenant" } });
});
