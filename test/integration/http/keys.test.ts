/** Keys over HTTP: who has `admin` makes, lists and ends them, with no more than it may itself. */
import { randomBytes } from "node:crypto";
import { expect, it } from "vitest";
import { SCOPES } from "../../../lib/core/scopes.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { startServer } from "../../support/cli/project.ts";
import { ROOT } from "../../support/cli/cli.ts";
import { logIn } from "../../support/database/roles.ts";
import { SECRET } from "../../support/http/http.ts";

const TIME_OUT_MS = 120_000;

interface Made {
  readonly id: string;
  readonly key: string;
}

/** `forgeq server`, connected as what manages jobs, and what asks it. */
const setup = async (env: Record<string, string> = { FORGEQ_SECRET: randomBytes(32).toString("base64url") }) => {
  const owner = await createTestDatabase();
  const { url } = await logIn(owner, ["manage"], 4);
  const server = await startServer(ROOT, { ...env, DATABASE_URL: url });
  const ask = async (method: string, path: string, body?: unknown, key = SECRET) => {
    const answer = await fetch(server.origin + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads whatever the answer has
    const json: any = text === "" ? null : JSON.parse(text);
    return { status: answer.status, body: json, headers: answer.headers };
  };
  const make = async (body: object, key = SECRET): Promise<Made> => {
    const made = await ask("POST", "/keys", body, key);
    expect([made.status, made.body]).toEqual([201, made.body]);
    return made.body as Made;
  };
  /** Audit lines as `caller action target count outcome`. */
  const audits = (): string[] =>
    [...server.stderr().matchAll(/ audit caller=(\S+) action=(key\S+) target=(\S+) count=(\d) outcome=(\S+)/g)].map(
      ([, ...fields]) => fields.join(" "),
    );
  return { ...server, db: owner.db, ask, make, audits };
};

it(
  "makes a key that is shown once, lists it without its secret, and ends it",
  async () => {
    const s = await setup();
    const body = { label: "web shop", scopes: ["jobs:read", "jobs:read"], types: ["send_email"], days: 30 };
    const made = await s.ask("POST", "/keys", body);
    expect(made.headers.get("cache-control")).toBe("no-store");
    const { id, key } = made.body as Made;
    const shown = {
      ...{ id, label: "web shop", scopes: ["jobs:read"], types: ["send_email"], queues: null },
      ...{ created_by: "local", created_at: expect.any(String) as string, expires_at: expect.any(String) as string },
      ...{ revoked_at: null, last_used_on: null },
    };
    expect(made).toMatchObject({ status: 201, body: { ...shown, key: expect.stringMatching(`^${id}_`) as string } });
    const days = (Date.parse(made.body.expires_at as string) - Date.parse(made.body.created_at as string)) / 86_400_000;
    expect(days).toBe(30);
    const listed = await s.ask("GET", "/keys");
    expect(listed).toMatchObject({ status: 200, body: { data: [shown], next_cursor: null } });
    expect(JSON.stringify(listed.body)).not.toContain(key);
    expect((await s.ask("GET", "/jobs", undefined, key)).status).toBe(200);

    expect((await s.ask("DELETE", `/keys/${id}`)).status).toBe(204);
    expect((await s.ask("DELETE", `/keys/${id}`)).status).toBe(204);
    expect((await s.ask("DELETE", "/keys/fq_000000000000")).body).toMatchObject({ code: "not_found" });
    expect((await s.ask("DELETE", "/keys/local")).body).toMatchObject({ code: "not_found" });
    const [{ revoked_at }] = (await s.ask("GET", "/keys")).body.data as [{ revoked_at: string | null }];
    expect(revoked_at).not.toBeNull();
    expect(s.audits()).toEqual([
      `local key.create ${id} 1 done`,
      ...Array.from({ length: 2 }, () => `local key.revoke ${id} 1 done`),
      "local key.revoke fq_000000000000 0 not_found",
      "local key.revoke local 0 not_found",
    ]);
    expect(s.stdout() + s.stderr()).not.toContain(key.slice(id.length + 1, id.length + 30));
    const [row] = await s.db.query<{ text: string }>("select k::text as text from forgeq.api_key k");
    expect(row!.text).not.toContain(key.slice(id.length + 1, id.length + 30));
  },
  TIME_OUT_MS,
);

it(
  "gives away no more than the caller has, and nothing to a key of some types",
  async () => {
    const s = await setup();
    const lesser = await s.make({ label: "lesser", scopes: ["admin", "jobs:read"] });
    const refused = await s.ask("POST", "/keys", { label: "x", scopes: ["jobs:read", "jobs:manage"] }, lesser.key);
    expect(refused).toMatchObject({ status: 403, body: { code: "forbidden", scope: "jobs:manage" } });
    const child = await s.make({ label: "child", scopes: ["jobs:read"] }, lesser.key);
    const { data } = (await s.ask("GET", "/keys")).body as { data: Record<string, unknown>[] };
    expect(data.map(({ id, created_by }) => [id, created_by])).toEqual([
      [lesser.id, "local"],
      [child.id, lesser.id],
    ]);
    for (const bound of [{ types: ["send_email"] }, { queues: ["emails"] }]) {
      const { key } = await s.make({ label: "bound", scopes: [...SCOPES], ...bound });
      for (const [method, path, body] of [
        ["GET", "/keys", undefined],
        ["POST", "/keys", { label: "x", scopes: ["jobs:read"] }],
        ["DELETE", `/keys/${child.id}`, undefined],
      ] as const)
        expect([method, (await s.ask(method, path, body, key)).status]).toEqual([method, 403]);
    }
    expect((await s.ask("GET", "/keys", undefined, child.key)).body).toMatchObject({ code: "forbidden" });
  },
  TIME_OUT_MS,
);

it(
  "pages the list, and refuses a body that is no key's",
  async () => {
    const s = await setup();
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await s.make({ label: `key ${n}`, scopes: ["jobs:read"] })).id);
    // Made in the same instant.
    await s.db.query("update forgeq.api_key set created_at = (select min(created_at) from forgeq.api_key)");
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const page = await s.ask("GET", `/keys?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...(page.body.data as Made[]).map(({ id }) => id));
      cursor = page.body.next_cursor as string | null;
    }
    expect(seen).toEqual([...ids].sort());
    for (const [pointer, body] of [
      ["/scopes/0", { label: "x", scopes: ["everything"] }],
      ["/scopes", { label: "x", scopes: [] }],
      ["/label", { label: "", scopes: ["jobs:read"] }],
      ["/label", { label: "a\u0000b", scopes: ["jobs:read"] }],
      ["/days", { label: "x", scopes: ["jobs:read"], days: 0 }],
      ["/types", { label: "x", scopes: ["jobs:read"], types: [] }],
      ["", { label: "x", scopes: ["jobs:read"], admin: true }],
    ] as const) {
      const { status, body: answer } = await s.ask("POST", "/keys", body);
      expect([status, answer.code, (answer.errors as { pointer: string }[])[0]?.pointer]).toEqual([
        ...[422, "invalid_body", pointer === "" ? expect.stringMatching(/^(\/admin)?$/) : pointer],
      ]);
    }
  },
  TIME_OUT_MS,
);

it("needs the secret that keys are made with", { timeout: TIME_OUT_MS }, async () => {
  const s = await setup({ FORGEQ_SECRET: "" });
  const refused = await s.ask("POST", "/keys", { label: "x", scopes: ["jobs:read"] });
  expect(refused).toMatchObject({ status: 409, body: { code: "no_secret" } });
  expect((await s.ask("GET", "/keys")).body).toEqual({ data: [], next_cursor: null });
});
