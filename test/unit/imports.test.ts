import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The parts, from the top down, and what each may use: only what lies below. */
const USES: Record<string, readonly string[]> = {
  functions: ["lib/job.ts", "lib/http", "lib/runtime.ts", "lib/aws", "lib/queue", "lib/db", "lib/core"],
  "lib/cli": ["lib/http", "lib/local", "lib/runtime.ts", "lib/aws", "lib/queue", "lib/db", "lib/core"],
  "lib/local": ["lib/http", "lib/runtime.ts", "lib/aws", "lib/queue", "lib/db", "lib/core"],
  "lib/index.ts": ["lib/runtime.ts", "lib/queue", "lib/db", "lib/core"],
  "lib/job.ts": ["lib/runtime.ts", "lib/queue", "lib/core"],
  "lib/runtime.ts": ["lib/logger.ts", "lib/tracing.ts", "lib/aws", "lib/queue", "lib/db", "lib/core"],
  "lib/http": ["lib/core"],
  "lib/aws": ["lib/core"],
  "lib/logger.ts": ["lib/core"],
  "lib/tracing.ts": ["lib/core"],
  "lib/queue": ["lib/db", "lib/core"],
  "lib/db": ["lib/core"],
  "lib/core": [],
};

/** Shapes that a part implements or shows without running anything of where they are declared. */
const TYPES_OF: Record<string, readonly string[]> = {
  "lib/http": ["lib/queue", "lib/db"],
  "lib/aws": ["lib/queue"],
  "lib/cli": ["lib/job.ts"],
  "lib/logger.ts": ["lib/queue"],
  "lib/tracing.ts": ["lib/queue", "lib/db"],
};

/** The core computes; of packages it has the schemas and what computes slots. */
const PACKAGES_OF_CORE = new Set(["zod", "croner", "cronstrue", "node:crypto"]);

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

const FROM = /^\s*(import|export)(\s+type)?\s[^;'"]*?from\s+"([^"]+)"/gm;
const OTHER = /\bimport\s*\(\s*"([^"]+)"|^\s*import\s+"([^"]+)"/gm;

const importsOf = (file: string): Import[] => {
  const text = readFileSync(join(ROOT, file), "utf8");
  const named = [...text.matchAll(FROM)].map(([, , type, from]) => ({
    file,
    from: from!,
    typeOnly: type !== undefined,
  }));
  const others = [...text.matchAll(OTHER)].map(([, called, bare]) => ({
    file,
    from: called ?? bare!,
    typeOnly: false,
  }));
  return [...named, ...others];
};

const sources = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));

const imports = [...sources("lib"), ...sources("functions")].flatMap(importsOf);

const partOf = (file: string): string => {
  const [top = "", second = ""] = file.split("/");
  return top === "functions" ? top : `${top}/${second}`;
};

/** Imports of another part, as `file -> file`, but for those that `allowed` takes. */
const upward = imports
  .filter(({ from }) => from.startsWith("."))
  .map((each) => ({ ...each, to: normalize(join(dirname(each.file), each.from)) }))
  .filter(({ file, to, typeOnly }) => {
    const [part, used] = [partOf(file), partOf(to)];
    if (part === used) return false;
    return USES[part]?.includes(used) !== true && !(typeOnly && TYPES_OF[part]?.includes(used) === true);
  })
  .map(({ file, to }) => `${file} -> ${to}`);

describe("imports", () => {
  it("are found in every part", () => {
    const found = new Set(imports.map(({ file }) => partOf(file)));
    for (const part of Object.keys(USES)) expect(found).toContain(part);
    expect(imports.length).toBeGreaterThan(300);
  });

  it("go down only", () => {
    expect(upward).toEqual([]);
  });

  it("leave the core without I/O", () => {
    const packages = imports.filter(({ file, from }) => partOf(file) === "lib/core" && !from.startsWith("."));
    expect(packages.filter(({ from }) => !PACKAGES_OF_CORE.has(from))).toEqual([]);
  });

  it("bring SQL drivers into lib/db and lib/local only", () => {
    const drivers = imports.filter(({ from }) => from === "pg" || from === "@neondatabase/serverless");
    expect(new Set(drivers.map(({ file }) => partOf(file)))).toEqual(new Set(["lib/db", "lib/local"]));
  });
});
