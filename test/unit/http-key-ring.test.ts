import { expect, it, vi } from "vitest";
import { createHash } from "node:crypto";
import { createKeyRing } from "../../lib/http/key-ring.ts";

const OLD = "old-key-of-twenty-characters";
const NEW = "new-key-of-twenty-characters";
const MINUTE = 60_000;

const listOf = (...keys: readonly string[]): string =>
  JSON.stringify(
    keys.map((key) => ({ id: key.slice(0, 3), sha256: createHash("sha256").update(key).digest("hex"), scopes: [] })),
  );

/** A ring whose configuration and clock the test moves. */
const setup = (list = listOf(OLD)) => {
  const state = { list: list as string | Error, ms: 0 };
  const read = vi.fn(() => (state.list instanceof Error ? Promise.reject(state.list) : Promise.resolve(state.list)));
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  return { state, read, log, find: createKeyRing({ read, log: () => log, elapsedMs: () => state.ms }).find };
};

it("ends a key that was taken away after five minutes, and takes a new one", async () => {
  const { state, read, find } = setup();
  expect(await find(OLD)).toMatchObject({ id: "old" });
  state.list = listOf(NEW);
  state.ms = 5 * MINUTE - 1;
  expect(await find(OLD)).toMatchObject({ id: "old" });
  expect(read).toHaveBeenCalledTimes(1);
  state.ms = 5 * MINUTE;
  expect(await find(OLD)).toBeNull();
  expect(await find(NEW)).toMatchObject({ id: "new" });
  expect(read).toHaveBeenCalledTimes(2);
});

it("takes a new key after a minute, and reads once a minute at most however many unknown ones come", async () => {
  const { state, read, find } = setup();
  await find(OLD);
  state.list = listOf(OLD, NEW);
  state.ms = MINUTE - 1;
  expect(await find(NEW)).toBeNull();
  state.ms = MINUTE;
  expect(await find(NEW)).toMatchObject({ id: "new" });
  expect(read).toHaveBeenCalledTimes(2);
  for (let n = 0; n < 1000; n += 1) expect(await find(`unknown-${n}-${"x".repeat(20)}`)).toBeNull();
  state.ms += MINUTE;
  await Promise.all(Array.from({ length: 100 }, (_, n) => find(`unknown-${n}-${"x".repeat(20)}`)));
  expect(read).toHaveBeenCalledTimes(3);
});

it("goes on with the keys that it has while they can't be read, says so, and tries again a minute later", async () => {
  const { state, read, log, find } = setup();
  await find(OLD);
  for (const list of [new Error("SSM is away"), "[{"]) {
    state.list = list;
    state.ms += 5 * MINUTE;
    expect(await find(OLD)).toMatchObject({ id: "old" });
    expect(log.error).toHaveBeenLastCalledWith(expect.stringContaining("those of before"), expect.anything());
  }
  const calls = read.mock.calls.length;
  expect(await find(OLD)).not.toBeNull();
  expect(read).toHaveBeenCalledTimes(calls);
  state.list = listOf(NEW);
  state.ms += MINUTE;
  expect(await find(OLD)).toBeNull();
});

it("keeps no failure of the first read", async () => {
  const { state, find } = setup();
  state.list = new Error("SSM is away");
  await expect(find(OLD)).rejects.toThrow("SSM is away");
  state.list = listOf(OLD);
  expect(await find(OLD)).toMatchObject({ id: "old" });
});

it("has no key of fewer than 20 characters, whatever the list says", async () => {
  const { read, find } = setup(listOf("short"));
  expect(await find("short")).toBeNull();
  expect(read).not.toHaveBeenCalled();
});
