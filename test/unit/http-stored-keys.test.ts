import { randomBytes } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { createKeyRing } from "../../lib/http/key-ring.ts";
import { idOfStored, mintKey, parseSecrets, type StoredKey } from "../../lib/http/stored-keys.ts";

const SECRET = randomBytes(32);
const OTHER = randomBytes(32);
const text = (...secrets: readonly Buffer[]): string => secrets.map((each) => each.toString("base64url")).join(",");

const changed = (key: string, at: number): string =>
  key.slice(0, at) + (key[at] === "a" ? "b" : "a") + key.slice(at + 1);

describe("a key of the database", () => {
  it("is known by its check, which any change of it breaks", () => {
    const { id, key } = mintKey(SECRET);
    expect(key).toMatch(/^fq_[0-9a-f]{12}_[A-Za-z0-9_-]{43}_[A-Za-z0-9_-]{11}$/);
    expect(idOfStored([OTHER, SECRET], key)).toBe(id);
    expect(idOfStored([OTHER], key)).toBeNull();
    expect(idOfStored([], key)).toBeNull();
    // The last character of a base64url text has bits that say nothing.
    const places = Array.from({ length: key.length - 1 }, (_, at) => at);
    expect(places.filter((at) => idOfStored([SECRET], changed(key, at)) !== null)).toEqual([]);
  });

  it.each(["", "short", text(SECRET, OTHER, SECRET), `${text(SECRET)},`, randomBytes(31).toString("base64url")])(
    "is made with no FORGEQ_SECRET as %j",
    (secret) => {
      expect(() => parseSecrets(secret)).toThrow("FORGEQ_SECRET is not valid");
      if (secret.length > 10) expect(() => parseSecrets(secret)).not.toThrow(secret);
    },
  );
});

/** A ring before a database of one key. */
const setup = () => {
  const { id, key, sha256 } = mintKey(SECRET);
  const row: StoredKey = { id, sha256, scopes: ["jobs:read", "later"], types: ["a"], queues: null, expiresAt: null };
  const state = { row: row as StoredKey | null, ms: 0, secret: text(SECRET), away: false };
  const findStored = vi.fn((asked: string) =>
    state.away ? Promise.reject(new Error("away")) : Promise.resolve(asked === id ? state.row : null),
  );
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const read = vi.fn(() => Promise.resolve({ secret: state.secret }));
  const ring = createKeyRing({ read, findStored, log: () => log, elapsedMs: () => state.ms });
  return { id, key, state, read, findStored, find: ring.find };
};

describe("a ring with keys of the database", () => {
  it("asks once a minute for each key, and knows no key a minute after it was revoked", async () => {
    const { id, key, state, findStored, find } = setup();
    expect(await find(key)).toEqual({ id, scopes: ["jobs:read"], types: ["a"], queues: null, expiresAt: null });
    for (let n = 0; n < 100; n += 1) await find(key);
    state.row = null;
    state.ms = 59_999;
    expect(await find(key)).not.toBeNull();
    expect(findStored).toHaveBeenCalledTimes(1);
    state.ms = 60_000;
    expect(await find(key)).toBeNull();
    expect(await find(key)).toBeNull();
    expect(findStored).toHaveBeenCalledTimes(2);
  });

  it("never asks for a forged key, and reads nothing again for it", async () => {
    const { key, state, read, findStored, find } = setup();
    for (let n = 0; n < 1_000; n += 1) {
      state.ms += 200;
      expect(await find(mintKey(OTHER).key)).toBeNull();
    }
    expect(await find(changed(key, 20))).toBeNull();
    expect(findStored).not.toHaveBeenCalled();
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("takes no key whose check is right and whose hash is another one", async () => {
    const { key, state, find } = setup();
    state.row = { ...state.row!, sha256: "ab".repeat(32) };
    expect(await find(key)).toBeNull();
  });

  it("fails while the database is away, and keeps no failure", async () => {
    const { key, state, find } = setup();
    state.away = true;
    await expect(find(key)).rejects.toThrow("away");
    state.away = false;
    expect(await find(key)).not.toBeNull();
  });

  it("takes keys of both secrets while they are rotated, and of the new one alone afterwards", async () => {
    const { key, state, find } = setup();
    state.secret = text(OTHER, SECRET);
    expect(await find(key)).not.toBeNull();
    state.secret = text(OTHER);
    state.ms = 300_000;
    expect(await find(key)).toBeNull();
  });
});
