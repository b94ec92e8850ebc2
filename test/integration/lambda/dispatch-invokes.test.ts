import { describe, expect, it } from "vitest";
import { defineJob } from "../../../lib/core/define.ts";
import { ForgeqError } from "../../../lib/core/errors.ts";
import type { InvokeOutcome } from "../../../lib/queue/deps.ts";
import { dispatchers } from "../../support/lambda/dispatcher.ts";
import { plain } from "../../support/queue.ts";

const create = dispatchers();

describe("invokes", () => {
  const other = defineJob({ type: "other", queue: "plain", payload: plain.payload });
  /** Answers by type; the dispatcher's own invokes are accepted. */
  const answering = (answers: Record<string, InvokeOutcome>) => {
    const count: Record<string, number> = {};
    return {
      count,
      invoke: (name: string) => {
        const type = name.replace("forgeq-test-handler-", "");
        count[type] = (count[type] ?? 0) + 1;
        return Promise.resolve({ outcome: answers[type] ?? ("accepted" as const), message: `HTTP of ${type}` });
      },
    };
  };

  it("that are refused bury a job an hour after the first, as undispatchable, while other types of the queue flow", async () => {
    const invoker = answering({ plain: "refused" });
    const d = await create({ jobs: [plain, other], invoker });
    const [job] = await d.enqueue();
    for (let n = 0; n < 20; n += 1) await d.enqueue({ type: "other", delaySeconds: n });

    while (d.now() < 3_590) {
      await d.run();
      expect(await d.queue.state(job!.job.id)).toBe(d.now() < 3_600 ? "pending" : "dead");
    }
    await d.run();

    expect(await d.queue.get(job!.job.id)).toMatchObject({
      state: "dead",
      attempt: 0,
      error: { name: "Undispatchable", message: expect.stringContaining("HTTP of plain") as string },
    });
    expect(await d.lateness()).toEqual(Array.from({ length: 20 }, () => expect.closeTo(0, 0) as number));
    // After 1, 2, 4 ... and then each 60 s.
    expect(invoker.count["plain"]).toBeLessThan(70);
  });

  it("that are throttled or failed cost nothing, and come again later and later", async () => {
    for (const outcome of ["throttled", "failed"] as const) {
      const answers: Record<string, InvokeOutcome> = { plain: outcome };
      const d = await create({ invoker: answering(answers) });
      const [job] = await d.enqueue();
      let naps = 0;
      d.onSleep((seconds) => {
        if (seconds > 0.5 && (naps += 1) === 12) answers["plain"] = "accepted";
        return Promise.resolve();
      });

      await d.run({}, 3_000);

      expect(await d.queue.get(job!.job.id)).toMatchObject({ state: "leased", attempt: 1, attempts: [] });
      const [row] = await d.db.query<{ dispatches: number }>("select dispatches from forgeq.job");
      expect(row).toEqual({ dispatches: 0 });
    }
  });

  it("that stay ambiguous are sent once more, and leave the lease alone: the handler may be running", async () => {
    const invoker = answering({ plain: "ambiguous" });
    const d = await create({ invoker });
    const [job] = await d.enqueue();
    expect(await d.run()).toMatchObject({ jobs: 1, refused: 1 });
    expect(await d.queue.state(job!.job.id)).toBe("leased");
    const [lease] = await d.db.query<{ id: string }>("select id from forgeq.lease");
    expect(await d.queue.begin(lease!.id)).toMatchObject({ jobIds: [job!.job.id] });
    expect(invoker.count["plain"]).toBe(2);
  });

  it.each(["accepted", "refused", "throttled"] as const)(
    "whose answer was lost are sent once more with the same lease, and keep it whatever that says: %s",
    async (outcome) => {
      const events: unknown[] = [];
      const invoke = (name: string, event: unknown) => {
        if (!name.endsWith("plain")) return Promise.resolve({ outcome: "accepted" as const });
        return Promise.resolve({ outcome: events.push(event) === 1 ? ("ambiguous" as const) : outcome });
      };
      const d = await create({ invoker: { invoke } });
      const [job] = await d.enqueue();
      expect(await d.run()).toMatchObject({ jobs: 1, refused: outcome === "accepted" ? 0 : 1 });
      const [lease] = await d.db.query<{ id: string }>("select id from forgeq.lease");
      expect(events).toEqual([{ lease_id: lease!.id }, { lease_id: lease!.id }]);
      expect(await d.queue.state(job!.job.id)).toBe("leased");
      expect(await d.queue.begin(lease!.id)).toMatchObject({ jobIds: [job!.job.id] });
      // Whoever comes second begins nothing.
      expect(await d.queue.begin(lease!.id)).not.toMatchObject({ jobIds: [job!.job.id] });
    },
  );

  it("are all sent although a refused lease could not be given back", async () => {
    const invoker = answering({ plain: "refused" });
    const d = await create({ jobs: [plain, other], invoker });
    await d.enqueue({}, 30);
    await d.enqueue({ type: "other" });
    d.beforeStatement((_, text) => {
      if (text.includes("forgeq:release")) throw new ForgeqError("database_unavailable", "away");
      return Promise.resolve();
    });
    await d.run();
    expect(invoker.count["other"]).toBe(1);
  });

  it("reach a type behind thousands of due jobs of a blocked one", async () => {
    const invoker = answering({ plain: "throttled" });
    const d = await create({ jobs: [plain, other], invoker });
    await d.db.query(
      `select forgeq.enqueue_many((select jsonb_agg(jsonb_build_object('type', 'plain', 'payload', '{}'::jsonb, 'run_at',
         $1::timestamptz - interval '1 hour' + n * interval '1 millisecond')) from generate_series(1, 12000) n), true, $1)`,
      [d.at(0)],
    );
    const [last] = await d.enqueue({ type: "other" });

    await d.run({}, 15);

    expect(invoker.count["other"]).toBe(1);
    expect(await d.queue.state(last!.job.id)).toBe("leased");
  });
});
