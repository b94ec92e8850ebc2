import { describe, expect, it } from "vitest";
import * as z from "zod";
import { aliasesOf, byName, withAliases } from "../../lib/core/aliases.ts";
import { defineJob } from "../../lib/core/define.ts";
import { deploymentPlan } from "../../lib/deploy/plan.ts";
import { openapiDocument } from "../../lib/http/openapi.ts";

const payload = z.object({});
const hourly = { name: "hourly", cron: "0 * * * *", timezone: "UTC", payload: {} };
const email = defineJob({ type: "send_email", aliases: ["send_mail", "mail"], payload, schedules: [hourly] });
const other = defineJob({ type: "other", payload });

describe("defineJob", () => {
  it.each([
    ["mail", "aliases must be a list"],
    [["send_email"], "aliases[0] is there twice"],
    [["mail", "mail"], "aliases[1] is there twice"],
    [["Mail"], "aliases[0]"],
    [Array.from({ length: 17 }, (_, n) => `a${n}`), "at most 16"],
  ])("refuses the aliases %j", (aliases, message) => {
    expect(() => defineJob({ type: "send_email", payload, aliases: aliases as string[] })).toThrow(message);
  });
});

describe("definitions with aliases", () => {
  it("are there under each name, the aliases without schedules", () => {
    const all = withAliases([email, other]);
    expect(all.map(({ type, queue, schedules }) => [type, queue, schedules.length])).toEqual([
      ["send_email", "send_email", 1],
      ["send_mail", "send_email", 0],
      ["mail", "send_email", 0],
      ["other", "other", 0],
    ]);
    expect(aliasesOf([email, other])).toEqual({ send_mail: "send_email", mail: "send_email" });
  });

  it("are the same list where there is no alias", () => {
    const list = [other];
    expect(withAliases(list)).toBe(list);
  });

  it("refuse a name that is there twice", () => {
    const mail = defineJob({ type: "mail", payload });
    const also = defineJob({ type: "also", aliases: ["mail"], payload });
    for (const list of [
      [email, mail],
      [email, also],
    ]) {
      expect(() => withAliases(list)).toThrow("the job type mail is there twice");
      expect(() => byName(list.map((definition) => ({ definition })))).toThrow("the job type mail is there twice");
      expect(() => deploymentPlan({ service: "shop", stage: "dev", jobs: list })).toThrow(
        "the job type mail is there twice",
      );
    }
  });
});

it("are a variable of the functions, which are as many as the types; without an alias there is none", () => {
  const plan = deploymentPlan({ service: "shop", stage: "dev", jobs: [email, other] });
  expect(plan.functions.map(({ key }) => key).filter((key) => key.startsWith("handler-"))).toEqual([
    "handler-send_email",
    "handler-other",
  ]);
  for (const { environment } of plan.functions)
    expect(environment["FORGEQ_TYPE_ALIASES"]).toBe('{"send_mail":"send_email","mail":"send_email"}');
  const [bare] = deploymentPlan({ service: "shop", stage: "dev", jobs: [other] }).functions;
  expect(bare!.environment).not.toHaveProperty("FORGEQ_TYPE_ALIASES");
});

it("are deprecated types of the OpenAPI document", () => {
  const { schemas } = (openapiDocument([email]) as { components: { schemas: Record<string, unknown> } }).components;
  expect(schemas["NewJob.mail"]).toMatchObject({ deprecated: true, properties: { type: { const: "mail" } } });
  expect(schemas["NewJob.send_email"]).not.toHaveProperty("deprecated");
});
