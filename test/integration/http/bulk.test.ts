import { describe, expect, it } from "vitest";
import { createHandler } from "../../../functions/api.ts";
import { ALL_SCOPES, send } from "../../support/http/http.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { setup, strays } from "../../support/queue.ts";

/** 5,000 where FORGEQ_BULK_JOBS says nothing: 100,000 by hand. */
const JOBS = Number(process.env["FORGEQ_BULK_JOBS"] ?? 5_000);

const DEAD = `
insert into forgeq.job_history (id, finished_at, created_at, began_at, lease_id, state, life, priority, attempt, max_attempts, payload, queue, type, error)
select forgeq.id_of('bulk ' || g, t), $2::timestamptz - interval '1 minute', t, t, gen_random_uuid(), 'dead', 1, 5, 3, 3, json_build_object('n', g), 'plain', 'plain',
       jsonb_build_object('name', 'Error', 'message', case when g % 10 = 0 then 'other' else 'connect ECONNREFUSED 127.0.0.1:' || g end)
from (select g, $2::timestamptz - interval '1 hour' + g * interval '10 milliseconds' as t from generate_series(1, $1::int) g) s`;

const dead = async (jobs: number) => {
  const logger = recordingLogger();
  const s = await setup({ logger });
  await s.db.query(DEAD, [jobs, s.at(0)]);
  await s.db.query("select forgeq.metric_add('plain', 'plain', 'e', 1)");
  /** The function anew, as after its process was killed: it knows nothing. */
  const ask = async (body: object) => {
    const { status, body: answer } = await send(createHandler(s.deps, ALL_SCOPES), { path: "/jobs/bulk", body });
    return { status, answer };
  };
  const count = async (where: string) => {
    const [row] = await s.db.query<{ n: number }>(`select count(*)::int as n from forgeq.${where}`);
    return row?.n ?? -1;
  };
  return { ...s, lines: logger.lines, ask, count };
};

describe("POST /jobs/bulk", () => {
  it(`retries one group of ${JOBS} dead jobs, each once, although slices come twice and it stops half-way`, async () => {
    const s = await dead(JOBS);
    const preview = (await s.ask({ action: "retry", filter: { error: "ECONNREFUSED" }, dry_run: true })).answer;
    const matched = Math.min(preview.matched as number, JOBS * 0.9);
    expect(preview.by[0]).toMatchObject({ type: "plain", queue: "plain", error: { name: "Error" } });
    expect(preview).toMatchObject({ done: 0, skipped: [], capped: JOBS * 0.9 > 10_000 });
    expect(preview.examples).toHaveLength(5);
    expect(await s.count("job")).toBe(0);

    const filter = { error: "ECONNREFUSED" };
    let [done, skipped, slices] = [0, 0, 0];
    let cursor: string | null = null;
    const goOn = async (most: number) => {
      for (let n = 0; n < most; n += 1) {
        const body = {
          action: "retry",
          filter,
          before: preview.before as string,
          limit: 500,
          ...(cursor && { cursor }),
        };
        const { answer } = await s.ask(body);
        done += answer.done as number;
        skipped += answer.skipped.length as number;
        slices += 1;
        // The answer was lost: the slice is sent again, and finds the next jobs that are still dead.
        if (slices % 3 === 0) done += (await s.ask(body)).answer.done as number;
        cursor = answer.next_cursor as string | null;
        if (cursor === null) return;
      }
    };
    await goOn(4);
    // What was retried dies again, and must not live a third time.
    s.moveTo(10);
    for (let n = 0; n < 20; n += 1) {
      for (const { id } of (await s.queue.claim(100)).leases) {
        const held = await s.queue.begin(id);
        if (held !== "lease_lost")
          await s.queue.settle(held, "dead", { error: { name: "Error", message: "connect ECONNREFUSED 127.0.0.1:1" } });
      }
    }
    await goOn(Infinity);
    expect(done).toBe(JOBS * 0.9);
    if (!preview.capped) expect(matched).toBe(done + skipped);
    cursor = null;
    // From the beginning again: nothing that came after the preview is touched.
    await goOn(Infinity);
    expect(done).toBe(JOBS * 0.9);
    expect(await s.count("job_history where life > 2")).toBe(0);
    expect(await s.count("job where life > 2")).toBe(0);
    expect(await strays(s.db)).toBe(0);
  }, 600_000);

  it("leaves what came after the preview", async () => {
    const s = await dead(20);
    const { answer } = await s.ask({ action: "delete", filter: { state: "dead" }, dry_run: true });
    const [later] = await s.queue.enqueue(1);
    await s.queue.settle(await s.queue.lease(), "dead");
    const body = { action: "delete", filter: { state: "dead" }, before: answer.before as string };
    s.moveTo(5);
    expect((await s.ask(body)).answer).toMatchObject({ done: 20, next_cursor: null });
    expect(await s.queue.state(later!)).toBe("dead");
  });

  it("acts on named jobs in the lives that were seen, and says why it left the others", async () => {
    const s = await dead(3);
    const ids = (await s.db.query<{ id: string }>("select id from forgeq.job_history order by id")).map(({ id }) => id);
    const unknown = "019ab000-0000-7000-8000-00000000000a";
    const jobs = [
      { id: ids[0], life: 1 },
      { id: ids[1], life: 2 },
      { id: unknown, life: 1 },
    ];
    const { answer } = await s.ask({ action: "retry", jobs });
    expect(answer).toMatchObject({ matched: 2, done: 1 });
    expect(new Map((answer.skipped as { id: string; code: string }[]).map(({ id, code }) => [id, code]))).toEqual(
      new Map([
        [ids[1], "stale_life"],
        [unknown, "not_found"],
      ]),
    );
    expect((await s.ask({ action: "cancel", ids: [ids[0]] })).answer).toMatchObject({ done: 1 });
    expect((await s.ask({ action: "reschedule", ids, delay_seconds: 5 })).answer).toMatchObject({
      done: 0,
      skipped: [{ code: "illegal_state" }, { code: "illegal_state" }, { code: "illegal_state" }],
    });
    expect((await s.ask({ action: "delete", ids })).answer).toMatchObject({ done: 3 });
    expect(await s.count("job_history")).toBe(0);
  });

  it("takes 500 ids and no more, and refuses what is not clear", async () => {
    const s = await dead(1);
    const id = "019ab000-0000-7000-8000-00000000000a";
    const refused = [
      { action: "retry" },
      { action: "retry", filter: {} },
      { action: "retry", ids: [id], filter: { state: "dead" } },
      { action: "retry", ids: [] },
      { action: "retry", ids: Array.from({ length: 501 }, () => id) },
      { action: "retry", ids: ["x"] },
      { action: "retry", ids: [id], limit: 501 },
      { action: "retry", ids: [id], cursor: "x" },
      { action: "retry", ids: [id], priority: 3 },
      { action: "reschedule", ids: [id] },
      { action: "reschedule", ids: [id], delay_seconds: 1, run_at: "2030-01-01T00:00:00Z" },
      { action: "retry", filter: { colour: "red" } },
      { action: "explode", ids: [id] },
      { action: "retry", ids: [id], note: "a\nb" },
    ];
    for (const body of refused)
      expect(await s.ask(body)).toMatchObject({ status: 422, answer: { code: "invalid_body" } });
    expect((await s.ask({ action: "delete", filter: {}, all: true })).answer).toMatchObject({ done: 1 });
  });

  it("leaves one audit line a call, with its number and its reason and without an error's text", async () => {
    const s = await dead(2);
    await s.ask({ action: "delete", filter: { state: "dead", error: "connect" }, note: "the outage of May" });
    const audits = s.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => message === "audit");
    expect(audits).toMatchObject([
      {
        ...{
          action: "job.bulk",
          target: "delete",
          count: 2,
          outcome: "done",
          caller: "test",
          note: "the outage of May",
        },
      },
    ]);
    expect(JSON.stringify(audits)).not.toContain("ECONNREFUSED");
  });
});
