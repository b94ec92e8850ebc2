import { readFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { expect, it } from "vitest";
import { camelCase } from "../../lib/core/camel-case.ts";
import { createProgram } from "../../lib/cli/program.ts";
import { cliReference } from "../../lib/cli/reference.ts";
import { enqueueBody } from "../../lib/http/job-body.ts";

const FILE = new URL("../../docs/cli.md", import.meta.url);

it("is what docs/cli.md says: npm run docs:cli brings it up to date", async () => {
  const config = await resolveConfig(FILE);
  expect(readFileSync(FILE, "utf8")).toBe(
    await format(cliReference(createProgram()), { ...config, parser: "markdown" }),
  );
});

it("gives every command a description and an example", () => {
  const program = createProgram();
  const all = program.commands.flatMap((command) => [command, ...command.commands]);
  const reference = cliReference(program);
  for (const command of all) {
    expect(command.description(), command.name()).not.toBe("");
    expect(reference, command.name()).toMatch(new RegExp(`forgeq .*${command.name()}`));
  }
});

it("has an option of forgeq enqueue for each field of a job, none of which goes with --file", () => {
  const enqueue = createProgram().commands.find((command) => command.name() === "enqueue")!;
  const names = enqueue.options.map((option) => option.attributeName());
  const fields = Object.keys(enqueueBody.in.shape).map((field) =>
    field === "delay_seconds" ? "delay" : camelCase(field),
  );
  expect(names).toEqual(expect.arrayContaining(fields));
  const { conflictsWith } = enqueue.options.find((option) => option.long === "--file") as unknown as {
    conflictsWith: string[];
  };
  // A payload has a default.
  expect([...conflictsWith].sort()).toEqual([...fields.filter((name) => name !== "payload"), "wait"].sort());
});
