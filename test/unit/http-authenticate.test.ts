import { describe, expect, it, vi } from "vitest";
import { parseApiKeys } from "../../lib/http/api-keys.ts";
import { authenticate, requireScopes } from "../../lib/http/authenticate.ts";
import { createKeyRing } from "../../lib/http/key-ring.ts";
import { keysWith, SECRET } from "../support/http/http.ts";

const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const ringOf = (text: string | undefined) => createKeyRing({ read: () => Promise.resolve(text), log: () => log });
const ring = ringOf(keysWith("jobs:write"));

const refused = (code: string) => expect.objectContaining({ code }) as Error;

describe("authenticate", () => {
  it.each([{ authorization: `Bearer ${SECRET}` }, { authorization: `bearer  ${SECRET} ` }, { "x-api-key": SECRET }])(
    "takes the key from %j",
    async (headers) => {
      expect((await authenticate(ring, headers)).id).toBe("test");
    },
  );

  it.each([
    {},
    { authorization: "" },
    { authorization: SECRET },
    { authorization: `Basic ${SECRET}` },
    { authorization: `Bearer ${SECRET}x` },
    { authorization: `Bearer ${SECRET.slice(0, -1)}` },
    { authorization: "Bearer wrong", "x-api-key": SECRET },
    { "x-api-key": "" },
  ])("refuses %j", async (headers) => {
    await expect(authenticate(ring, headers)).rejects.toThrow(refused("unauthorized"));
  });

  it("names the scope that the key lacks", async () => {
    const key = await authenticate(ring, { "x-api-key": SECRET });
    expect(() => requireScopes(key, ["jobs:write", "jobs:manage"])).toThrow(/jobs:manage/);
    expect(() => requireScopes(key, ["jobs:manage"])).toThrow(refused("forbidden"));
    expect(() => requireScopes(key, ["jobs:write"])).not.toThrow();
  });

  it("refuses every key when none is configured", async () => {
    for (const text of [undefined, "", " ", "[]"])
      await expect(authenticate(ringOf(text), { "x-api-key": SECRET })).rejects.toThrow(refused("unauthorized"));
  });

  it("refuses a key from the instant on at which it expires", async () => {
    const [key] = JSON.parse(keysWith("jobs:read")) as object[];
    const expiring = ringOf(JSON.stringify([{ ...key, expires_at: "2030-01-31T08:00:00+01:00" }]));
    const ask = (now: string) => authenticate(expiring, { "x-api-key": SECRET }, new Date(now));
    expect(await ask("2030-01-31T06:59:59Z")).toMatchObject({ id: "test" });
    await expect(ask("2030-01-31T07:00:00Z")).rejects.toThrow(refused("unauthorized"));
  });
});

describe("parseApiKeys", () => {
  const sha256 = "ab".repeat(32);

  it("takes hashes in capitals", () => {
    expect(parseApiKeys(JSON.stringify([{ id: "a", sha256: sha256.toUpperCase(), scopes: [] }]))).toEqual([
      { id: "a", sha256, scopes: [], types: null, queues: null, expiresAt: null },
    ]);
  });

  it.each([
    ["{", "it is not JSON"],
    ["{}", "expected array"],
    [JSON.stringify([{ id: "a", sha256: "secret", scopes: [] }]), "0.sha256: must be 64 hexadecimal digits"],
    [JSON.stringify([{ id: "a", sha256, scopes: ["everything"] }]), "0.scopes.0: "],
    [JSON.stringify([{ id: "a", sha256, scopes: [], admin: true }]), "admin"],
    [JSON.stringify([{ sha256, scopes: [] }]), "0.id: "],
    [JSON.stringify([{ id: "a", sha256, scopes: [], expires_at: "tomorrow" }]), "0.expires_at: must be a date-time"],
    [JSON.stringify([1, 2].map(() => ({ id: "a", sha256, scopes: [] }))), "the same id twice"],
  ])("says what is wrong with %s", (text, reason) => {
    expect(() => parseApiKeys(text)).toThrow(reason);
    expect(() => parseApiKeys(text)).toThrow("FORGEQ_API_KEYS is not valid");
  });

  it("counts the list and the plain key, and refuses an id that both have", () => {
    const plain = "x".repeat(20);
    const list = (id: string) => JSON.stringify([{ id, sha256, scopes: [] }]);
    expect(parseApiKeys({ list: list("web"), plain }).map(({ id }) => id)).toEqual(["web", "local"]);
    expect(() => parseApiKeys({ list: list("local"), plain })).toThrow("the id local");
    expect(parseApiKeys({ plain })).toMatchObject([
      { id: "local", scopes: expect.arrayContaining(["admin"]) as string[] },
    ]);
  });

  it("refuses a plain key of fewer than 20 characters, and does not say it", () => {
    const plain = "secret-secret-secre";
    expect(() => parseApiKeys({ plain })).toThrow("FORGEQ_API_KEY is not valid: it has fewer than 20 characters");
    expect(() => parseApiKeys({ plain })).not.toThrow(plain);
  });
});
