import { describe, expect, it } from "vitest";
import { defineQueue } from "../../../lib/core/define.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import type { Sql } from "../../../lib/db/drivers/client.ts";
import { expectWaiting } from "../../support/database/waiting.ts";
import { setup, type Setup } from "../../support/queue.ts";

/**
 * Capacity that is freed while a claim finds the queue full: either the closing call wakes, or the claim says that another one may find jobs. Each call that
 * closes work, and the wake that it gives when nobody waits for capacity.
 */
const CLOSING: Record<string, { readonly begun: boolean; readonly call: string; readonly wake: number | null }> = {
  settle: { begun: true, call: `forgeq.settle($1, $2, '"completed"', $3)`, wake: null },
  "settle of a retry": {
    begun: true,
    call: `forgeq.settle($1, $2, (select jsonb_agg(jsonb_build_object('id', j.id, 'outcome', 'retry', 'delay_seconds', 50))
             from forgeq.job j where j.claim_id = (select l.claim_id from forgeq.lease l where l.id = $1)), $3)`,
    wake: 50,
  },
  release: { begun: false, call: "forgeq.release($1, null, 'throttled', at => $3)", wake: 1 },
  recover: { begun: false, call: "forgeq.recover(10, $3::timestamptz + interval '100 seconds')", wake: 1 },
  invocation_failed: { begun: false, call: "forgeq.invocation_failed($1, 'i', 'function_error', null, $3)", wake: 1 },
};

/** A queue of two jobs in flight at most, which one lease holds, and others that wait. */
const full = async (begun: boolean) => {
  const s = await setup({ queues: [defineQueue({ name: "plain", maxInFlight: 2 })] });
  await s.queue.enqueue(6);
  const [lease] = (await s.queue.claim(2)).leases;
  const begunBy = uuidV7();
  if (begun) await s.db.query("select from forgeq.begin($1, $2, 60, 'i', $3)", [lease!.id, begunBy, s.at(0)]);
  return { ...s, leaseId: lease!.id, begunBy };
};

/** @returns wake_seconds */
const close = async (tx: Pick<Sql, "query">, s: Setup & { leaseId: string; begunBy: string }, call: string) => {
  const [row] = await tx.query<{ wake: number | null }>(
    `select c.wake_seconds::float8 as wake, $1::uuid as lease, $2::uuid as by, $3::timestamptz as at from ${call} c`,
    [s.leaseId, s.begunBy, s.at(0)],
  );
  return row!.wake;
};

describe.each(Object.entries(CLOSING))("%s", (_, { begun, call, wake }) => {
  it("that has not committed when a claim counts: the claim says that another one may find jobs", async () => {
    const s = await full(begun);
    await s.db.transaction(async (tx) => {
      expect(await close(tx, s, call)).toBe(wake);
      expect(await s.queue.claim()).toMatchObject({ outcome: "busy", more: true });
    });
    await s.db.query("delete from forgeq.type_block");
    expect((await s.queue.claim()).outcome).toBe("claimed");
  });

  it("wakes when a claim that found the queue full has not committed", async () => {
    const s = await full(begun);
    await s.db.transaction(async (tx) => {
      const [claimed] = await tx.query("select outcome from forgeq.claim('plain', $1, 10, at => $2)", [
        uuidV7(),
        s.at(0),
      ]);
      expect(claimed).toEqual({ outcome: "full" });
      expect(await close(s.db, s, call)).toBe(0);
      // The answer was lost: settle and invocation_failed give the hint again.
      if (!call.includes("recover")) expect(await close(s.db, s, call)).toBe(0);
    });
  });

  it("that commits between the claim's count and its word that jobs wait: another claim may find jobs", async () => {
    const s = await full(begun);
    await s.db.query(
      `create function stop_here() returns trigger language plpgsql as $$ begin
         if new.waiting then perform pg_advisory_xact_lock(1); end if; return new; end $$`,
    );
    await s.db.query(
      "create trigger stop_here before update of waiting on forgeq.queue for each row execute function stop_here()",
    );
    let claiming!: ReturnType<typeof s.queue.claim>;
    await s.db.transaction(async (tx) => {
      await tx.query("select pg_advisory_xact_lock(1)");
      claiming = s.queue.claim();
      await expectWaiting(s.db);
      expect(await close(s.db, s, call)).toBe(wake);
    });
    expect(await claiming).toMatchObject({ outcome: "busy", more: true });
    await s.db.query("delete from forgeq.type_block");
    expect((await s.queue.claim()).outcome).toBe("claimed");
  });
});

it("costs an unlimited queue no lock", async () => {
  const s = await setup();
  await s.queue.enqueue(1);
  const held = await s.queue.lease();
  await s.db.transaction(async (tx) => {
    await tx.query(`select from forgeq.settle($1, $2, '"completed"', $3)`, [held.leaseId, held.begunBy, s.at(0)]);
    expect(await tx.query("select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")).toEqual([]);
  });
});
