import { readFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { expect, it } from "vitest";
import { createProgram } from "../../lib/cli/program.ts";
import { cliReference } from "../../lib/cli/reference.ts";

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
