import { getHeapSpaceStatistics } from "node:v8";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { createAdmission } from "../../lib/queue/enqueue/admission.ts";
import { createCoalescer } from "../../lib/queue/enqueue/coalescer.ts";

interface Item {
  readonly id: string;
  readonly bad?: boolean;
}

const LIMITS = { items: 4, bytes: 100, inFlight: 2, waitMs: 50 };
const away = new Error("away");

/** Stores by hand: each statement waits until it is let go. */
const setup = () => {
  const statements: { ids: string[]; go: () => void; fail: (error: Error) => void }[] = [];
  const enqueue = createCoalescer<Item, { requestedId: string }>(
    (items) =>
      new Promise((resolve, reject) => {
        const rows = items.map(({ id }) => ({ requestedId: id })).reverse();
        statements.push({
          ids: items.map(({ id }) => id),
          go: () => {
            const bad = items.find((item) => item.bad);
            if (bad === undefined) resolve({ rows, after: Promise.resolve() });
            else reject(new Error(`refused ${bad.id}`));
          },
          fail: reject,
        });
      }),
    (error) => error !== away,
    LIMITS,
  );
  const settle = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  /** Lets statements go until none is under way. */
  const goOn = async () => {
    for (let done = 0; ;) {
      await settle();
      if (done === statements.length) return;
      while (done < statements.length) statements[done++]!.go();
    }
  };
  return { statements, settle, goOn, one: (id: string, bad = false) => enqueue([{ id, bad }], 1), enqueue };
};

it("sends what comes together in one statement, and gives each caller its own row", async () => {
  const { statements, one, goOn } = setup();
  const calls = ["a", "b", "c"].map((id) => one(id));
  await goOn();
  expect(statements.map(({ ids }) => ids)).toEqual([["a", "b", "c"]]);
  expect(await Promise.all(calls)).toEqual(["a", "b", "c"].map((requestedId) => [{ requestedId }]));
});

it("has two statements under way at most, and gathers the others", async () => {
  const { statements, one, settle, goOn } = setup();
  const calls = [];
  for (const id of ["a", "b", "c", "d"]) {
    calls.push(one(id));
    await settle();
  }
  expect(statements.map(({ ids }) => ids)).toEqual([["a"], ["b"]]);
  await goOn();
  expect(statements.map(({ ids }) => ids)).toEqual([["a"], ["b"], ["c", "d"]]);
  await Promise.all(calls);
});

it("bounds a statement by items and by bytes, and never splits a call", async () => {
  const { statements, enqueue, one, goOn } = setup();
  const calls = [
    enqueue([{ id: "a" }, { id: "b" }, { id: "c" }], 1),
    enqueue([{ id: "d" }, { id: "e" }], 90),
    enqueue([{ id: "f" }], 50),
    enqueue([{ id: "g" }, { id: "h" }, { id: "i" }, { id: "j" }, { id: "k" }], 500),
    one("l"),
  ];
  await goOn();
  expect(statements.map(({ ids }) => ids.join(""))).toEqual(["abc", "de", "f", "ghijk", "l"]);
  await Promise.all(calls);
});

it("fails only the caller of a bad item; the others are stored", async () => {
  const { statements, one, goOn } = setup();
  const calls = Promise.allSettled([one("a"), one("b", true), one("c")]);
  await goOn();
  expect(statements.map(({ ids }) => ids.join(""))).toEqual(["abc", "a", "b", "c"]);
  expect(await calls).toMatchObject([
    { status: "fulfilled", value: [{ requestedId: "a" }] },
    { status: "rejected", reason: { message: "refused b" } },
    { status: "fulfilled", value: [{ requestedId: "c" }] },
  ]);
});

it("tells all of them when the database is away, and goes on with the next", async () => {
  const { statements, one, settle, goOn } = setup();
  const calls = Promise.allSettled([one("a"), one("b")]);
  await settle();
  statements[0]!.fail(away);
  expect(await calls).toMatchObject([{ reason: away }, { reason: away }]);
  const next = one("c");
  await goOn();
  expect(await next).toEqual([{ requestedId: "c" }]);
});

const staying = { hasLeft: () => false };

it("does not send what a caller wanted that has left meanwhile", async () => {
  const { statements, enqueue, one, settle, goOn } = setup();
  const first = [one("a")];
  await settle();
  first.push(one("b"));
  await settle();
  let gone = false;
  const leaving = enqueue([{ id: "c" }], 1, { hasLeft: () => gone });
  const stays = enqueue([{ id: "d" }], 1, staying);
  gone = true;
  await expect(Promise.all([leaving, goOn()])).rejects.toMatchObject({ code: "busy" });
  await goOn();
  expect(statements.map(({ ids }) => ids.join(""))).toEqual(["a", "b", "d"]);
  await Promise.all([...first, stays]);
});

it("does not send what has waited too long for callers that may leave; others wait as long as it takes", async () => {
  const { statements, enqueue, one, settle, goOn } = setup();
  const calls = [one("a")];
  await settle();
  calls.push(one("b"));
  await settle();
  const late = enqueue([{ id: "c" }], 1, staying);
  calls.push(one("d"));
  await expect(late).rejects.toMatchObject({ code: "too_slow", details: { retryAfterSeconds: 5 } });
  await goOn();
  expect(statements.map(({ ids }) => ids.join(""))).toEqual(["a", "b", "d"]);
  await Promise.all(calls);
});

it("tells each caller that may leave when its own time is up, and none too early", async () => {
  const { enqueue, one, settle, goOn } = setup();
  const stays = [one("a")];
  await settle();
  stays.push(one("b"));
  await settle();
  const waitedMs = async (id: string) => {
    const startedMs = performance.now();
    await expect(enqueue([{ id }], 1, staying)).rejects.toMatchObject({ code: "too_slow" });
    return performance.now() - startedMs;
  };
  const waits = [waitedMs("c")];
  await pause(LIMITS.waitMs / 2);
  waits.push(waitedMs("d"));
  stays.push(one("e"));
  // Timers are a millisecond early at times.
  for (const waited of await Promise.all(waits)) expect(waited).toBeGreaterThanOrEqual(LIMITS.waitMs - 2);
  await Promise.all([...stays, goOn()]);
});

it("lets in what fits, refuses more immediately, and lets in again what fits then", async () => {
  const admit = createAdmission(20_000);
  const works = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const inside = works.map((work) => admit(5_000, () => work.promise));
  await expect(admit(5_000, () => Promise.resolve("third"))).rejects.toMatchObject({ code: "busy", details: { retryAfterSeconds: 1 } }); // prettier-ignore
  works[0]!.reject(away);
  await expect(inside[0]).rejects.toBe(away);
  expect(await admit(5_000, () => Promise.resolve("fourth"))).toBe("fourth");
  works[1]!.resolve("second");
  expect(await inside[1]).toBe("second");
  expect(await admit(1_000_000, () => Promise.resolve("one alone"))).toBe("one alone");
});

it("keeps nothing of what has gone through", { timeout: 60_000 }, async () => {
  const KILOBYTES = 50_000;
  const enqueue = createCoalescer<Item & { payload: string[] }, { requestedId: string }>(
    async (items) => {
      await new Promise(setImmediate);
      return { rows: items.map(({ id }) => ({ requestedId: id })), after: Promise.resolve() };
    },
    () => false,
    { items: 50, bytes: 1_000_000, inFlight: 2, waitMs: 5_000 },
  );
  const oldBytes = (): number =>
    getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0;
  let sent = 0;
  let mostBytes = 0;
  const before = oldBytes();
  // As many at a time as a server has connections.
  const caller = async (): Promise<void> => {
    while (sent < KILOBYTES) {
      const id = `job-${(sent += 1)}`;
      await enqueue([{ id, payload: Array.from({ length: 128 }, () => id) }], 1_000);
      mostBytes = Math.max(mostBytes, oldBytes() - before);
    }
  };
  await Promise.all(Array.from({ length: 50 }, caller));
  // Minor collections free them. Where they do not, 15 MB lie there before the first major one.
  expect(mostBytes).toBeLessThan(8_000_000);
});
