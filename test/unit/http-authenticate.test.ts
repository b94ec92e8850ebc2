import { describe, expect, it } from "vitest";
import { authenticate, parseApiKeys } from "../../lib/http/authenticate.ts";
import { keysWith, SECRET } from "../support/http/http.ts";

const keys = parseApiKeys(keysWith("jobs:write"));

const refused = (code: string) => expect.objectContaining({ code }) as Error;

describe("authenticate", () => {
  it.each([{ authorization: `Bearer ${SECRET}` }, { authorization: `bearer  ${SECRET} ` }, { "x-api-key": SECRET }])(
    "takes the key from %j",
    (headers) => {
      expect(authenticate(keys, headers, "jobs:write").id).toBe("test");
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
  ])("refuses %j", (headers) => {
    expect(() => authenticate(keys, headers, "jobs:write")).toThrow(refused("unauthorized"));
  });

  it("names the scope that the key lacks", () => {
    expect(() => authenticate(keys, { "x-api-key": SECRET }, "jobs:manage")).toThrow(/jobs:manage/);
    expect(() => authenticate(keys, { "x-api-key": SECRET }, "jobs:manage")).toThrow(refused("forbidden"));
  });

  it("refuses every key when none is configured", () => {
    for (const text of [undefined, "", " ", "[]"])
      expect(() => authenticate(parseApiKeys(text), { "x-api-key": SECRET }, "jobs:write")).toThrow(
        refused("unauthorized"),
      );
  });
});

describe("parseApiKeys", () => {
  const sha256 = "ab".repeat(32);

  it("takes hashes in capitals", () => {
    expect(parseApiKeys(JSON.stringify([{ id: "a", sha256: sha256.toUpperCase(), scopes: [] }]))).toEqual([
      { id: "a", sha256, scopes: [] },
    ]);
  });

  it.each([
    ["{", "it is not JSON"],
    ["{}", "expected array"],
    [JSON.stringify([{ id: "a", sha256: "secret", scopes: [] }]), "0.sha256: must be 64 hexadecimal digits"],
    [JSON.stringify([{ id: "a", sha256, scopes: ["everything"] }]), "0.scopes.0: "],
    [JSON.stringify([{ id: "a", sha256, scopes: [], admin: true }]), "admin"],
    [JSON.stringify([{ sha256, scopes: [] }]), "0.id: "],
    [JSON.stringify([1, 2].map(() => ({ id: "a", sha256, scopes: [] }))), "the same id twice"],
  ])("says what is wrong with %s", (text, reason) => {
    expect(() => parseApiKeys(text)).toThrow(reason);
    expect(() => parseApiKeys(text)).toThrow("FORGEQ_API_KEYS is not valid");
  });
});
