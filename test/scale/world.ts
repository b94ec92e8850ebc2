/** What the calls share. */
import { createHash } from "node:crypto";
import { depsFor } from "../../bench/deps.ts";
import { createHandler as createApi } from "../../functions/api.ts";
import { createHandler as createEnqueue } from "../../functions/enqueue.ts";
import type { IdentifiedJob } from "../../lib/core/new-job.ts";
import { uuidV7 } from "../../lib/core/uuid.ts";
import type { Db } from "../../lib/db/drivers/client.ts";
import { beginLease, claim, type ClaimedLease } from "../../lib/db/protocol/leases.ts";
import { enqueueMany } from "../../lib/db/protocol/enqueue.ts";
import type { Deps } from "../../lib/queue/deps.ts";
import { ALL_SCOPES, eventOf, type TestRequest, CONTEXT } from "../support/http/http.ts";
import { JOBS, PAYLOAD } from "./definitions.ts";
import type { Make, Measured, Meter, Repeats } from "./meter.ts";
import type { Sizes } from "./sizes.ts";

export interface World {
  readonly db: Db;
  readonly deps: Deps;
  readonly sizes: Sizes;
  /** What this process begins its leases with. */
  readonly worker: string;
  /** Where the next scan of a queue goes on, by queue, as a worker and a dispatcher keep it. */
  readonly marks: Map<string, readonly string[] | null>;
  readonly results: Measured[];
  /** Measures a call and keeps the result. */
  readonly measure: (name: string, make: Make, repeats?: Repeats) => Promise<void>;
  /** A call that needs no preparation. */
  readonly call: (name: string, run: () => Promise<unknown>, repeats?: Repeats) => Promise<void>;
  /** A request through the real routes; one that is refused fails. */
  readonly send: (request: TestRequest) => Promise<unknown>;
}

export const createWorld = (meter: Meter, sizes: Sizes, say: (text: string) => void): World => {
  const deps = depsFor(meter.db);
  const results: Measured[] = [];
  const enqueue = createEnqueue(deps, ALL_SCOPES, JOBS);
  const api = createApi(deps, ALL_SCOPES);
  const measure = async (name: string, make: Make, repeats?: Repeats): Promise<void> => {
    const result = await meter.measure(name, make, repeats);
    results.push(result);
    say(`${name}: ${result.failed ?? `${result.buffers} buffers`}`);
  };
  return {
    db: meter.db,
    deps,
    sizes,
    worker: uuidV7(),
    marks: new Map(),
    results,
    measure,
    call: (name, run, repeats) => measure(name, () => Promise.resolve(run), repeats),
    send: async (request) => {
      const isEnqueue = request.body !== undefined && /^\/jobs(\/batch)?$/.test(request.path);
      const { statusCode, body = "" } = await (isEnqueue ? enqueue : api)(eventOf(request), { ...CONTEXT });
      if (statusCode === undefined || statusCode >= 300) throw new Error(`${request.path}: ${statusCode} ${body}`);
      return body;
    },
  };
};

/** A new job that is due now. */
export const item = (more: Partial<IdentifiedJob> = {}): IdentifiedJob => ({
  id: uuidV7(),
  type: "send_email",
  payload: PAYLOAD,
  ...more,
});

export const items = (jobs: number, more: Partial<IdentifiedJob> = {}): IdentifiedJob[] =>
  Array.from({ length: jobs }, () => item(more));

/** An id of a version 7 that is not there, by what it is made from. */
export const unknownId = (seed: string): string => {
  const digits = createHash("sha256").update(seed).digest("hex");
  return `${uuidV7().slice(0, 14)}7${digits.slice(0, 3)}-9${digits.slice(3, 6)}-${digits.slice(6, 18)}`;
};

/** A claim of ten where the last one of the queue stopped. */
export const claimTen = async (
  { db, marks }: World,
  queue: string,
  dispatchSeconds = 600,
): Promise<readonly ClaimedLease[]> => {
  const claimed = await claim(db, {
    queue,
    claimId: uuidV7(),
    maxJobs: 10,
    watermarks: marks.get(queue) ?? null,
    blockedTypes: [],
    dispatchSeconds,
    at: null,
  });
  marks.set(queue, claimed.watermarks);
  if (claimed.leases.length === 0) throw new Error(`${queue} has no job that is due`);
  return claimed.leases;
};

export interface HeldJobs {
  readonly leaseId: string;
  readonly ids: readonly string[];
}

/** A lease of ten that has begun. */
export const begunTen = async (world: World, queue = "emails"): Promise<HeldJobs> => {
  const [lease] = await claimTen(world, queue);
  if (lease === undefined) throw new Error("nothing was claimed");
  const begun = await beginLease(world.db, {
    leaseId: lease.id,
    begunBy: world.worker,
    leaseSeconds: 600,
    invocation: "scale",
    at: null,
  });
  if (begun === "lease_lost") throw new Error("the lease is lost");
  return { leaseId: lease.id, ids: begun.jobs.map(({ id }) => id) };
};

/** Jobs that are due in a queue, as many as the calls take. */
export const refill = async ({ db }: World, type: string, jobs: number): Promise<void> => {
  await enqueueMany(db, items(jobs, { type }), true, null);
};

/** Ids that a query gives, one for each call; fails when there are no more. */
export const idsOf = async ({ db }: World, text: string): Promise<() => string> => {
  const rows = await db.query<{ id: string }>(text);
  return () => {
    const id = rows.pop()?.id;
    if (id === undefined) throw new Error("the database has too few jobs for this call");
    return id;
  };
};
