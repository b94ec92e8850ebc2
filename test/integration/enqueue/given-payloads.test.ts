import { describe, expect, it } from "vitest";
import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";
import type { JobDefinition } from "../../../lib/core/job.ts";
import { uuidV7 } from "../../../lib/core/uuid.ts";
import { checkJob } from "../../../lib/http/new-job.ts";
import { enqueueJobs } from "../../../lib/queue/enqueue/enqueue-jobs.ts";
import { toNewJob } from "../../../lib/queue/enqueue/typed-job.ts";
import { runLease } from "../../../lib/queue/lambda/run-lease.ts";
import { setup } from "../../support/queue.ts";

const defined = (payload: z.ZodType): JobDefinition => defineJob({ type: "odd", queue: "odd", payload });

const WAYS: Record<string, (definition: JobDefinition, payload: unknown) => Promise<unknown>> = {
  "the package": (definition, payload) => Promise.resolve(toNewJob(definition, payload, {}).payload),
  HTTP: async (definition, payload) =>
    (await checkJob(new Map([["odd", definition]]), { type: "odd", payload })).payload,
};

describe.each(Object.keys(WAYS))("by %s", (way) => {
  const check = WAYS[way]!;

  it.each<[string, z.ZodType, unknown, unknown]>([
    [
      "a text that becomes a number",
      z.object({ amount: z.string().transform(Number) }),
      { amount: "12.50" },
      { amount: 12.5 },
    ],
    [
      "a text that is split",
      z.object({ tags: z.string().transform((tags) => tags.split(",")) }),
      { tags: "a,b" },
      { tags: ["a", "b"] },
    ],
    [
      "a text that grows",
      z.object({ note: z.string().transform((note) => `${note}!`) }),
      { note: "hi" },
      { note: "hi!" },
    ],
    ["a default", z.object({ n: z.number().default(7) }), {}, { n: 7 }],
    [
      "a coerced date",
      z.object({ at: z.coerce.date() }),
      { at: "2030-01-01T00:00:00.000Z" },
      { at: new Date(Date.UTC(2030, 0)) },
    ],
    ["what the schema drops", z.object({ a: z.number() }), { a: 1, more: true }, { a: 1 }],
  ])("stores what was given, and parses it once for the handler: %s", async (_, schema, given, got) => {
    const definition = defined(schema);
    const s = await setup({ jobs: [definition], queues: [] });
    const payload = await check(definition, given);
    const id = uuidV7();
    const store = () => enqueueJobs(s.deps, [{ id, type: "odd", payload }]);
    expect(await store()).toMatchObject([{ created: true }]);
    // A repeated id is compared on what was given.
    expect(await store()).toMatchObject([{ created: false }]);
    expect((await s.queue.get(id)).payload).toEqual(given);
    let seen: unknown;
    await runLease(s.deps, definition, (parsed) => Promise.resolve(void (seen = parsed)), {
      leaseId: (await s.queue.claim(1, "odd")).leases[0]!.id,
      invocation: null,
      remainingMs: () => 60_000,
    });
    expect(seen).toEqual(got);
    expect(await s.queue.state(id)).toBe("completed");
  });
});

it.each<[string, z.ZodType, unknown, RegExp]>([
  ["a Date where JSON has a text", z.object({ at: z.date() }), { at: new Date(0) }, /\/at: .*expected date/],
  ["a Map", z.object({ map: z.map(z.string(), z.number()) }), { map: new Map([["a", 1]]) }, /\/map: .*expected map/],
  ["a BigInt", z.object({ n: z.bigint() }), { n: 1n }, /\/n: is bigint/],
  ["a BigInt that the schema drops", z.object({}), { n: 1n }, /\/n: is bigint/],
  ["no number", z.object({ n: z.nan() }), { n: NaN }, /\/n: is not a finite number/],
])("the package refuses what the handler would refuse: %s", (_, schema, given, message) => {
  expect(() => toNewJob(defined(schema), given, {})).toThrow(message);
});

it("refuses a cycle, and takes a copy of what it is given", () => {
  const round: Record<string, unknown> = {};
  round["round"] = round;
  expect(() => toNewJob(defined(z.any()), round, {})).toThrow(/the payload does not fit odd: /);
  const given = { n: 1, inner: { n: 1 } };
  const { payload } = toNewJob(defined(z.object({}).loose()), given, {});
  given.n = given.inner.n = 2;
  expect(payload).toEqual({ n: 1, inner: { n: 1 } });
});

it("takes nothing where the schema has a payload for that", () => {
  expect(toNewJob(defined(z.object({ n: z.number() }).default({ n: 3 })), undefined, {}).payload).toEqual({ n: 3 });
});
