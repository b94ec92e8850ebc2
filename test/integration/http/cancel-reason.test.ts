import { describe, expect, it } from "vitest";
import * as z from "zod";
import { jobs } from "../../../functions/registry.ts";
import { queues } from "../../../functions/queues.ts";
import { defineJob } from "../../../lib/core/define.ts";
import { createApi } from "../../../lib/functions/create-api.ts";
import { cancel } from "../../../lib/index.ts";
import { cancelJob } from "../../../lib/queue/manage/cancel-job.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { setup, unlimited } from "../../support/queue.ts";
import { recordingLogger } from "../../support/recording-logger.ts";

const plain = defineJob({ type: "plain", queue: "plain", payload: z.object({}).loose() });
const LEFT = "the customer has left";

const api = async () => {
  const logger = recordingLogger();
  const s = await setup({ logger });
  const handler = createApi(s.deps, ALL_SCOPES, () => Promise.resolve([plain]));
  const ask = (path: string, body?: unknown) => send(handler, { method: "POST", path, body });
  const audits = () =>
    logger.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => message === "audit");
  return { ...s, ask, audits };
};

describe("POST /jobs/{id}/cancel with a reason", () => {
  it("shows it with a job that waited, in place of its last error, and in the audit line", async () => {
    const { ask, queue, audits } = await api();
    const [id] = await queue.enqueue();
    await queue.settle(await queue.lease(), "retry", { error: { name: "Error", message: "no" }, delaySeconds: 60 });
    expect(await ask(`/jobs/${id}/cancel`, { reason: LEFT })).toMatchObject({
      status: 200,
      body: {
        state: "cancelled",
        error: { name: "Cancelled", message: LEFT },
        attempts: [{ error: { message: "no" } }],
      },
    });
    expect(audits()).toMatchObject([{ action: "job.cancel", target: id, note: LEFT, outcome: "done" }]);
  });

  it("shows it with a job that was running, whatever its attempt throws; the first reason stays", async () => {
    const { ask, queue } = await api();
    const [id] = await queue.enqueue();
    const held = await queue.lease();
    expect(await ask(`/jobs/${id}/cancel`)).toHaveProperty("status", 202);
    expect(await ask(`/jobs/${id}/cancel`, { reason: LEFT })).toHaveProperty("status", 202);
    expect(await ask(`/jobs/${id}/cancel`, { reason: "another" })).toHaveProperty("status", 202);
    await queue.settle(held, "retry", { error: { name: "AbortError", message: "aborted" } });
    const { error, attempts } = await queue.get(id!);
    expect(error).toEqual({ name: "Cancelled", message: LEFT });
    expect(attempts).toMatchObject([{ outcome: "cancelled", error: { name: "AbortError" } }]);
  });

  it("shows it with a job of a lease that had not begun, and not with its neighbour", async () => {
    const { ask, queue } = await api();
    const [id, other] = await queue.enqueue(2);
    const [lease] = (await queue.claim()).leases;
    await ask(`/jobs/${id}/cancel`, { reason: LEFT });
    await ask(`/jobs/${other}/cancel`);
    await queue.begin(lease!.id);
    expect(await queue.get(id!)).toMatchObject({ state: "cancelled", error: { message: LEFT } });
    expect(await queue.get(other!)).toMatchObject({ state: "cancelled", error: null });
  });

  it("is of no job that completes all the same", async () => {
    const { ask, queue } = await api();
    const [id] = await queue.enqueue();
    const held = await queue.lease();
    await ask(`/jobs/${id}/cancel`, { reason: LEFT });
    await queue.settle(held, "completed");
    expect(await queue.get(id!)).toMatchObject({ state: "completed", error: null });
  });

  it.each([
    ["", "/reason"],
    ["x".repeat(501), "/reason"],
    ["two\nlines", "/reason"],
    ["\u001b[31mred", "/reason"],
    ["turned \u202e", "/reason"],
    ["half \ud83e", "/reason"],
    [7, "/reason"],
  ])("refuses %j, and cancels nothing", async (reason, pointer) => {
    const { ask, queue, audits } = await api();
    const [id] = await queue.enqueue();
    expect(await ask(`/jobs/${id}/cancel`, { reason })).toMatchObject({ body: { errors: [{ pointer }] } });
    expect(await queue.state(id!)).toBe("pending");
    expect(JSON.stringify(audits())).not.toContain("note");
  });
});

it("cancels a slice of jobs with one reason, waiting and running, and refuses one of another action", async () => {
  const { ask, queue, audits } = await api();
  const [running] = await queue.enqueue();
  const held = await queue.lease();
  const [waiting] = await queue.enqueue();
  expect(await ask("/jobs/bulk", { action: "cancel", ids: [running, waiting], reason: LEFT })).toMatchObject({
    status: 200,
    body: { done: 2 },
  });
  await queue.settle(held, "released");
  for (const id of [running!, waiting!])
    expect(await queue.get(id)).toMatchObject({ state: "cancelled", error: { name: "Cancelled", message: LEFT } });
  expect(audits()).toMatchObject([{ action: "job.bulk", target: "cancel", note: LEFT }]);
  expect(await ask("/jobs/bulk", { action: "retry", ids: [waiting], reason: LEFT })).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: "/reason" }] },
  });
});

it("is taken by SQL and in a caller's transaction, which goes on where it is refused", async () => {
  const { db, queue, deps } = await setup({ realClock: true });
  const [inSql, inTransaction, asked] = await queue.enqueue(3);
  await db.query("select forgeq.cancel($1, reason => $2)", [inSql, LEFT]);
  await expect(db.query("select forgeq.cancel($1, reason => $2)", [asked, "a\tb"])).rejects.toMatchObject({
    code: "FQ003",
  });
  await expect(db.query("select forgeq.cancel_many($1, reason => '')", [[asked]])).rejects.toMatchObject({
    code: "FQ003",
  });
  await db.transaction(async (tx) => {
    for (const reason of ["", "a\nb", "x".repeat(501), 7 as never])
      await expect(cancel(tx as never, asked!, { reason })).rejects.toMatchObject({
        code: "invalid_job",
        details: { errors: [{ pointer: "/reason" }] },
      });
    expect(await cancel(tx as never, inTransaction!, { reason: LEFT })).toBe("cancelled");
  });
  expect(await queue.state(asked!)).toBe("pending");
  expect(await cancelJob(deps, asked!, "🦉".repeat(500))).toBe("cancelled");
  for (const id of [inSql!, inTransaction!]) expect(await queue.get(id)).toMatchObject({ error: { message: LEFT } });
});

it("is an option of forgeq jobs cancel and jobs bulk cancel, and shown by jobs show", { timeout: 60_000 }, async () => {
  const s = await setup({ realClock: true, jobs: [...jobs, plain], queues: [...queues, unlimited] });
  const [one, many] = await s.queue.enqueue(2);
  const run = (...args: string[]) => forgeq(args, { env: { DATABASE_URL: s.url } });
  const bad = await run("jobs", "cancel", one!, "--reason", "a\u001bb");
  expect(bad).toMatchObject({ code: 2 });
  expect(bad.stderr).toContain("control characters");
  expect(await run("jobs", "cancel", one!, "--reason", LEFT)).toMatchObject({ code: 0 });
  expect((await run("jobs", "show", one!)).stdout).toMatch(/reason +the customer has left/);
  expect(await run("jobs", "bulk", "cancel", "--id", many!, "--reason", LEFT)).toMatchObject({ code: 0 });
  expect(await s.queue.get(many!)).toMatchObject({ error: { message: LEFT } });
});
