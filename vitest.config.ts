import { defineConfig } from "vitest/config";
import { SlowestFirst } from "./test/support/slowest-first.ts";

/** How test files run, three at a time, since they wait for a third of their time: beside one Postgres with a migrated template, and the functions' bundles, made once for all. */
export const POSTGRES = {
  globalSetup: ["test/support/global-setup.ts"],
  pool: "forks" as const,
  maxWorkers: 3,
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

interface Settings {
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  readonly globalSetup?: string[];
  readonly maxWorkers?: number;
  readonly testTimeout?: number;
}

/** From the packed package, as in a project of somebody else's. */
const ADOPTER = [
  "test/e2e/{examples,new-type,own-service,pack,printers,transactions}.test.ts",
  "test/integration/cli/{init,own-project}.test.ts",
];

/** The API's document: what tools and generated clients make of it, every status that it names, and what its answers cost and hold on both servers. */
const API = ["test/e2e/openapi-tools.test.ts", "test/integration/http/{bounded,checks,every-status}.test.ts"];

/** Calls that meet at each of their statements, processes that end in the middle, and connections that break. */
const TORTURE = [
  "test/torture/*.test.ts",
  "test/e2e/faults.test.ts",
  "test/integration/drivers/{connection-faults,database-away}.test.ts",
  "test/integration/enqueue/{lost-enqueues,stalled}.test.ts",
  "test/integration/lambda/eager-faults.test.ts",
  "test/integration/protocol/{held-transaction,lost-answers}.test.ts",
  "test/integration/worker/{silent-listener,stalled-database,worker-crash,worker-restarts}.test.ts",
];

/** The commands, each in processes of its own. */
const COMMANDS = "test/integration/cli/*.test.ts";

/**
 * Every test file is in one of these, which is a script of package.json and a step of .ci/run: test/unit/test-projects.test.ts. A new file below `test` is one of
 * the main project's, unless it lies in a folder of another.
 */
const PROJECTS = {
  main: {
    include: ["test/{unit,property,integration,e2e}/**/*.test.ts"],
    exclude: [...ADOPTER, ...API, ...TORTURE, COMMANDS],
  },
  adopter: { include: ADOPTER },
  api: { include: API },
  cli: { include: [COMMANDS], exclude: ADOPTER },
  torture: { include: TORTURE },
  hostile: { include: ["test/hostile/*.test.ts"] },
  /** Each file has a browser, which keeps more than one core busy. */
  dashboard: { include: ["test/dashboard/*.test.ts"], maxWorkers: 2 },
  /** The packaged functions in a small AWS of the project's own: see test/lambda/README.md. */
  lambda: {
    include: ["test/lambda/*.test.ts"],
    globalSetup: ["test/lambda/world/global-setup.ts"],
    maxWorkers: 2,
    testTimeout: 300_000,
  },
  /** The code of the last release on the newest schema: see test/release/README.md. */
  release: { include: ["test/release/*.test.ts"], maxWorkers: 1, testTimeout: 240_000 },
  /** The long versions of tests, sized by constants at their top: by hand, on a machine of one's own. */
  long: { include: ["test/long/*.test.ts"], maxWorkers: 1, testTimeout: 1_800_000 },
} satisfies Readonly<Record<string, Settings>>;

const projectOf = ([name, { include, exclude = [], ...settings }]: readonly [string, Settings], index: number) => ({
  test: {
    ...POSTGRES,
    ...settings,
    ...{ name, include: [...include], exclude: ["**/node_modules/**", ...exclude] },
    // Where several run in one call, each has the machine for itself.
    sequence: { groupOrder: index },
  },
});

export default defineConfig({
  test: { sequence: { sequencer: SlowestFirst }, projects: Object.entries<Settings>(PROJECTS).map(projectOf) },
});
