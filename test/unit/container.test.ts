import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createProgram } from "../../lib/cli/program.ts";
import { ROOT } from "../support/cli/cli.ts";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const dockerfile = read("Dockerfile");

it("copies and starts files that exist, and lets no other into the build", () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \.\/?\S*$/gm)].flatMap(([, files]) => files!.split(" "));
  const allowed = read(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  expect(copied.length).toBeGreaterThan(4);
  for (const file of copied) expect(existsSync(join(ROOT, file)), file).toBe(true);
  expect(new Set(copied)).toEqual(new Set(allowed));
  const [, entry] = /^ENTRYPOINT \["node", "(.+)"\]$/m.exec(dockerfile)!;
  expect(existsSync(join(ROOT, entry!))).toBe(true);
});

it("runs as an ordinary user, by the Node that the package needs", () => {
  expect(dockerfile).toMatch(/^USER node$/m);
  expect(dockerfile.match(/^FROM node:(\d+)/gm)).toEqual(["FROM node:24", "FROM node:24", "FROM node:24"]);
});

it("names commands and options that exist, in the Dockerfile and the guide", () => {
  const program = createProgram();
  const guide = read("docs/container.md");
  const used = [...guide.matchAll(/forgeq (server|worker|migrate|doctor|[a-z]+)((?: --[a-z-]+(?: [\w.]+)?)*)/g)];
  const [, started] = /^CMD \["(.+)"\]$/m.exec(dockerfile)!;
  expect(program.commands.map((command) => command.name())).toContain(started);
  for (const [, name, flags] of used.filter(([, name]) => name !== "migrate")) {
    const command = program.commands.find((each) => each.name() === name);
    expect(command, name).toBeDefined();
    for (const [flag] of flags!.matchAll(/--[a-z-]+/g))
      expect(
        command!.options.map(({ long }) => long),
        `${name} ${flag}`,
      ).toContain(flag);
  }
});
