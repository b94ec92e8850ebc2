import { beforeAll, expect, it } from "vitest";
import { createTestDatabase } from "../../support/database/database.ts";
import { live } from "../../support/settings/life.ts";
import { apply, SETTINGS } from "../../support/settings/settings.ts";

let ordinary: Record<string, unknown>;
beforeAll(() => {
  process.env["FORGEQ_SERVICE"] = "";
});

it("lives a whole life in a database that sets nothing", async () => {
  const { url } = await createTestDatabase({ empty: true });
  ordinary = await live(url);
  // Tests have no fsync.
  expect(ordinary["doctor"]).toEqual(["durability"]);
  expect(JSON.stringify(ordinary["life"]).match(/"status":[45].*?}|9999-12-31|1970-01-01/g)).toBeNull();
});

it.each(SETTINGS)("answers the same with $name", async (setting) => {
  const { encoding } = setting;
  const { url } = await createTestDatabase({ empty: true, ...(encoding !== undefined && { encoding }) });
  await apply(url, setting);
  const { doctor, ...life } = await live(url);
  const { doctor: _, ...expected } = ordinary;
  expect(life).toEqual(expected);
  expect(doctor).toEqual(["durability", ...(setting.doctor ?? [])]);
});
