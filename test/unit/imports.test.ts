import { describe, expect, it } from "vitest";
import { circlesOf, type Import, importsOf, sourcesOf, textOf } from "../support/sources.ts";

/** The parts, from the top down, and what each may use: only what lies below. */
const USES: Record<string, readonly string[]> = {
  functions: [
    "lib/functions",
    "lib/job.ts",
    "lib/http",
    "lib/init-phase.ts",
    "lib/runtime.ts",
    "lib/aws",
    "lib/queue",
    "lib/core",
  ],
  "lib/functions": ["lib/init-phase.ts", "lib/job.ts", "lib/http", "lib/runtime.ts", "lib/queue", "lib/core"],
  "lib/serve": ["lib/functions", "lib/http", "lib/runtime.ts", "lib/queue", "lib/db", "lib/core"],
  "lib/cli": [
    "lib/serve",
    "lib/deploy",
    "lib/project",
    "lib/http",
    "lib/local",
    "lib/runtime.ts",
    "lib/aws",
    "lib/queue",
    "lib/db",
    "lib/core",
  ],
  "lib/cdk": ["lib/deploy"],
  "lib/serverless": ["lib/deploy", "lib/local", "lib/project", "lib/core"],
  "lib/deploy": ["lib/project", "lib/http", "lib/core"],
  "lib/local": [
    "lib/deploy",
    "lib/project",
    "lib/http",
    "lib/runtime.ts",
    "lib/aws",
    "lib/queue",
    "lib/db",
    "lib/core",
  ],
  "lib/index.ts": ["lib/runtime.ts", "lib/queue", "lib/db", "lib/core"],
  "lib/job.ts": ["lib/runtime.ts", "lib/queue", "lib/db", "lib/core"],
  "lib/server.ts": ["lib/serve", "lib/http", "lib/queue", "lib/core"],
  "lib/testing.ts": ["lib/testing"],
  "lib/testing": ["lib/local", "lib/queue", "lib/db", "lib/core"],
  "lib/init-phase.ts": ["lib/runtime.ts", "lib/queue"],
  "lib/runtime.ts": ["lib/logger.ts", "lib/tracing.ts", "lib/aws", "lib/queue", "lib/db", "lib/core"],
  "lib/project": ["lib/core"],
  "lib/http": ["lib/core"],
  "lib/aws": ["lib/core"],
  "lib/logger.ts": ["lib/core"],
  "lib/tracing.ts": ["lib/spans.ts"],
  "lib/spans.ts": ["lib/core"],
  "lib/queue": ["lib/db", "lib/core"],
  "lib/db": ["lib/core"],
  "lib/core": [],
};

/** Shapes that a part implements or shows without running anything of where they are declared. */
const TYPES_OF: Record<string, readonly string[]> = {
  "lib/project": ["lib/deploy", "lib/queue"],
  "lib/http": ["lib/queue", "lib/db"],
  "lib/aws": ["lib/queue"],
  "lib/cli": ["lib/job.ts"],
  "lib/testing": ["lib/job.ts"],
  "lib/logger.ts": ["lib/queue"],
  "lib/tracing.ts": ["lib/queue"],
  "lib/spans.ts": ["lib/queue", "lib/db"],
};

/** The rooms of lib/queue, from the ground up. A room may use those before it, its types included. */
const QUEUE_ROOMS = [
  "time.ts",
  "concurrency.ts",
  "deps.ts",
  "wake",
  "invoke",
  "enqueue",
  "run",
  "observe",
  "schedule",
  "worker",
  "lambda",
  "manage",
];

/** The rooms of lib/db, and what each may use, its types included. */
const DB_ROOMS: Record<string, readonly string[]> = {
  drivers: [],
  schema: ["drivers"],
  protocol: ["drivers"],
  reads: ["drivers", "protocol"],
};

/** The rooms of the dashboard, and what each may use. */
const DASHBOARD_ROOMS: Record<string, readonly string[]> = {
  // The page of the API, which is built apart, and written as the dashboard's files are.
  reference: ["files.mjs"],
  state: [],
  charts: ["state"],
  parts: ["state", "charts"],
  pages: ["state", "charts", "parts"],
};

/** The core computes; of packages it has the schemas and what computes slots. */
const PACKAGES_OF_CORE = new Set(["zod", "croner", "cronstrue", "node:crypto"]);

const FOLDERS = ["lib", "functions", "deploy", "bench", "test/support", "dashboard"];
const all = FOLDERS.flatMap(sourcesOf).flatMap(importsOf);
const imports = all.filter(({ file }) => /^(lib|functions)\//.test(file));

const partOf = (file: string): string => {
  const [top = "", second = ""] = file.split("/");
  return top === "functions" ? top : `${top}/${second}`;
};

/** The room of a file of lib/queue or lib/db; a file that lies in none is a room of its own. */
const roomOf = (file: string): string => file.split("/")[2] ?? "";

const arrow = ({ file, to }: Import): string => `${file} -> ${to}`;

/** The imports between two rooms of a part that `isAllowed` does not take. */
const betweenRooms = (part: string, isAllowed: (room: string, used: string) => boolean): string[] =>
  imports
    .filter(({ file, to }) => partOf(file) === part && to !== null && partOf(to) === part)
    .filter(({ file, to }) => roomOf(file) !== roomOf(to!) && !isAllowed(roomOf(file), roomOf(to!)))
    .map(arrow);

const roomsOf = (part: string): string[] => [
  ...new Set(sourcesOf(part).flatMap((file) => (file.endsWith(".ts") ? [roomOf(file)] : []))),
];

describe("imports", () => {
  it("are found in every part", () => {
    const found = new Set(imports.map(({ file }) => partOf(file)));
    for (const part of Object.keys(USES)) expect(found).toContain(part);
    expect(imports.length).toBeGreaterThan(700);
  });

  it("go down only", () => {
    const upward = imports.filter(({ file, to, typeOnly }) => {
      if (to === null || partOf(file) === partOf(to)) return false;
      const [part, used] = [partOf(file), partOf(to)];
      return USES[part]?.includes(used) !== true && !(typeOnly && TYPES_OF[part]?.includes(used) === true);
    });
    expect(upward.map(arrow)).toEqual([]);
  });

  it("go down between the rooms of lib/queue, types included", () => {
    expect(roomsOf("lib/queue").sort()).toEqual([...QUEUE_ROOMS].sort());
    const isBelow = (room: string, used: string) => QUEUE_ROOMS.indexOf(used) < QUEUE_ROOMS.indexOf(room);
    expect(betweenRooms("lib/queue", isBelow)).toEqual([]);
  });

  it("go down between the rooms of lib/db, types included", () => {
    expect(roomsOf("lib/db").sort()).toEqual(Object.keys(DB_ROOMS).sort());
    expect(betweenRooms("lib/db", (room, used) => DB_ROOMS[room]?.includes(used) === true)).toEqual([]);
  });

  it("go down between the rooms of the dashboard, which has nothing of lib but types", () => {
    const own = all.filter(({ file }) => /^dashboard\/\w+\//.test(file));
    const room = (file: string): string => file.split("/")[1] ?? "";
    expect(new Set(own.map(({ file }) => room(file)))).toEqual(new Set(Object.keys(DASHBOARD_ROOMS)));
    const wrong = own.filter(({ file, to, typeOnly }) => {
      if (to === null) return false;
      if (!to.startsWith("dashboard/")) return !typeOnly;
      return room(file) !== room(to) && !DASHBOARD_ROOMS[room(file)]?.includes(room(to));
    });
    expect(wrong.map(arrow)).toEqual([]);
  });

  it("form no circle, types included", () => {
    for (const folder of FOLDERS) expect(all.some(({ file }) => file.startsWith(`${folder}/`))).toBe(true);
    expect(circlesOf(all)).toEqual([]);
  });

  it("leave the core without I/O", () => {
    const packages = imports.filter(({ file, to }) => partOf(file) === "lib/core" && to === null);
    expect(packages.filter(({ from }) => !PACKAGES_OF_CORE.has(from))).toEqual([]);
  });

  it("bring SQL drivers into lib/db and lib/local only", () => {
    const drivers = imports.filter(({ from }) => from === "pg" || from === "@neondatabase/serverless");
    expect(new Set(drivers.map(({ file }) => partOf(file)))).toEqual(new Set(["lib/db", "lib/local"]));
  });
});

describe("the search for circles", () => {
  const graph = (edges: Record<string, readonly string[]>): Import[] =>
    Object.entries(edges).flatMap(([file, targets]) => targets.map((to) => ({ file, from: to, to, typeOnly: false })));

  it("finds each circle, whatever lies beside it", () => {
    const edges = { a: ["b"], b: ["c", "x"], c: ["a"], x: ["y"], y: ["x"], z: ["a", "z1"] };
    expect(circlesOf(graph(edges))).toEqual([
      ["a", "b", "c"],
      ["x", "y"],
    ]);
  });

  it("finds none where two ways lead to one file", () => {
    expect(circlesOf(graph({ a: ["b", "c"], b: ["d"], c: ["d"] }))).toEqual([]);
  });
});

describe("the environment", () => {
  const SETTINGS = /^functions\/handlers\/[^/]+\/settings\.ts$/;

  it("is read by lib/runtime.ts, the settings of handlers, the command line and the local run", () => {
    const readers = [...sourcesOf("lib"), ...sourcesOf("functions")].filter((file) =>
      /\bprocess\.env\b/.test(textOf(file)),
    );
    const others = readers.filter((file) => file !== "lib/runtime.ts" && !/^lib\/(cli|local)\//.test(file));
    expect(readers).toContain("lib/runtime.ts");
    expect(others.filter((file) => !SETTINGS.test(file))).toEqual([]);
  });

  it("reaches a handler through its settings.ts alone", () => {
    const asking = sourcesOf("functions").filter((file) =>
      /import \{[^}]*\b(setting|secret)\b[^}]*\} from "[./]*lib\/runtime\.ts"/.test(textOf(file)),
    );
    expect(asking.length).toBeGreaterThan(2);
    expect(asking.filter((file) => !SETTINGS.test(file))).toEqual([]);
  });

  it("has no variable of a handler that lib names, but for the development mailbox", () => {
    const own = sourcesOf("functions").filter((file) => SETTINGS.test(file));
    const variables = own.flatMap((file) => [...textOf(file).matchAll(/(?:setting|secret)\("(\w+)"/g)]);
    const names = new Set(variables.map(([, name = ""]) => name));
    names.delete("FORGEQ_DIR");
    expect(names.size).toBeGreaterThan(3);
    const naming = sourcesOf("lib").filter((file) => [...names].some((name) => textOf(file).includes(`"${name}"`)));
    expect(naming.sort()).toEqual(["lib/cli/mailbox.ts", "lib/local/mailbox.ts"]);
  });
});
