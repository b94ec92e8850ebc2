import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const MAX_LINES = 20;

const rooms = ["lib/queue", "lib/db"].flatMap((part) =>
  readdirSync(part, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(part, entry.name)] : [])),
);

/** The files that a page names: `name.ts` of its own room or of the folder above it, `lib/name.ts` from the root. */
const missingOf = (room: string, page: string): string[] =>
  [...page.matchAll(/`([\w./-]+\.ts)`/g)]
    .map(([, name = ""]) => name)
    .filter((name) => ![join(room, name), join(room, "..", name), name].some((file) => existsSync(file)));

describe.each(rooms)("the room %s", (room) => {
  const page = existsSync(join(room, "README.md")) ? readFileSync(join(room, "README.md"), "utf8") : "";

  it(`introduces itself in ${MAX_LINES} lines at most`, () => {
    expect(page.split("\n")[0]).toBe(`# ${room.split("/").at(-1)}`);
    expect(page.trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_LINES);
  });

  it("says where to enter it, what calls it, and what lies below it", () => {
    for (const what of ["Entry point", "Called by", "Below it"]) expect(page).toContain(`**${what}`);
  });

  it("names files that are there", () => {
    expect(page).toMatch(/`[\w-]+\.ts`/);
    expect(missingOf(room, page)).toEqual([]);
  });
});

it("a page that names a file that is not there is found", () => {
  expect(missingOf("lib/db/reads", "`jobs.ts`, `lib/runtime.ts`, `gone.ts`")).toEqual(["gone.ts"]);
});
