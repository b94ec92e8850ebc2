import { expect, it } from "vitest";
import type { Role } from "../../../lib/db/schema/role-names.ts";
import { forgeq } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";
import { logIn } from "../../support/database/roles.ts";

interface Finding {
  readonly check: string;
  readonly level: string;
  readonly found: string;
  readonly cure?: string;
}

it("forgeq doctor says which role a URL has, and whether a part needs more or less", { timeout: 120_000 }, async () => {
  const s = await createTestDatabase();
  const doctor = async (url: string, ...args: string[]) => {
    const { code, stdout } = await forgeq(["doctor", "--json", ...args], { env: { DATABASE_URL: url } });
    const findings = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Finding);
    return { code, findings, role: findings.find(({ check }) => check === "role") };
  };
  const as = async (...roles: Role[]) => (await logIn(s, roles)).url;
  const worker = await as("worker");

  expect((await doctor(s.url)).role).toMatchObject({
    level: "ok",
    found: expect.stringMatching(/postgres owns the schema/) as string,
  });
  expect((await doctor(s.url, "--part", "worker")).role).toMatchObject({
    level: "warning",
    cure: expect.stringMatching(/a member of forgeq_worker/) as string,
  });
  expect((await doctor(worker, "--part", "worker")).role).toMatchObject({
    level: "ok",
    found: expect.stringMatching(/is a member of forgeq_worker$/) as string,
  });
  expect((await doctor(await as("worker", "manage"), "--part", "worker")).role).toMatchObject({
    level: "warning",
    found: expect.stringMatching(/more than the part worker needs/) as string,
    cure: expect.stringMatching(/^revoke forgeq_manage from /) as string,
  });
  const server = await doctor(worker, "--part", "server");
  expect(server).toMatchObject({
    code: 1,
    role: { level: "problem", cure: expect.stringMatching(/^grant forgeq_enqueue, forgeq_manage to /) as string },
  });
  expect((await doctor(await as("enqueue", "manage"), "--part", "server")).role).toMatchObject({ level: "ok" });

  const producer = await doctor(await as("enqueue"), "--part", "enqueue");
  expect(producer.role).toMatchObject({ level: "ok" });
  // The tests' server does not wait for its disk.
  expect(producer.findings.filter(({ level }) => level === "problem").map(({ check }) => check)).toEqual([
    "durability",
  ]);
  expect(producer.findings).toContainEqual(
    expect.objectContaining({ check: "dispatch", level: "warning", found: "this role may not read it" }),
  );
  expect(await forgeq(["doctor", "--part", "everything"], { env: { DATABASE_URL: s.url } })).toMatchObject({ code: 2 });
});
