/** Each test runs in CI, once: what vitest.config.ts includes, the scripts of package.json and the steps of .ci/run say the same. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { LEFT_OUT } from "../../vitest.storage.config.ts";
import { SLOW } from "../support/slowest-first.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** Projects of vitest.config.ts that nobody but a person runs. */
const BY_HAND = ["long"];

const list = (...args: string[]): readonly { readonly file: string; readonly projectName?: string }[] => {
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const json = execFileSync(process.execPath, [vitest, "list", "--filesOnly", "--json", ...args], { cwd: ROOT });
  return (JSON.parse(json.toString()) as { file: string }[]).map((each) => ({
    ...each,
    file: relative(ROOT, each.file),
  }));
};

const listed = list();
const projects = [...new Set(listed.map(({ projectName = "" }) => projectName))].sort();
const { scripts } = JSON.parse(read("package.json")) as { scripts: Readonly<Record<string, string>> };

/** The scripts of package.json that .ci/run runs, in its order. */
const steps = [...read(".ci/run").matchAll(/^step .*?\bnpm (?:run ([\w:]+)|(cit))\b/gm)].map(
  ([, script, cit]) => script ?? (cit === undefined ? "" : "test"),
);

describe("every test file", () => {
  it("is below test, or is an example's own", () => {
    const files = globSync("**/*.test.*", { cwd: ROOT, exclude: (name) => name === "node_modules" || name[0] === "." });
    expect(files.filter((file) => !/^(test|examples)\//.test(file))).toEqual([]);
    expect(listed.map(({ file }) => file).sort()).toEqual(files.filter((file) => file.startsWith("test/")).sort());
  });

  it("that starts before others is there", () => {
    expect(SLOW.filter((file) => listed.every((each) => each.file !== file))).toEqual([]);
  });

  it("is in one project", () => {
    const twice = listed.filter(({ file }, index) => listed.findIndex((other) => other.file === file) < index);
    expect(twice).toEqual([]);
  });
});

describe("every project", () => {
  it("is one script, all of it, which .ci/run runs once; what is run by hand has a script, too", () => {
    const scriptsOf = (project: string) =>
      Object.keys(scripts).filter((name) => scripts[name] === `vitest run --project ${project}`);
    const runs = (project: string) =>
      steps.filter((step) => scriptsOf(project).includes(step)).length * Number(scriptsOf(project).length === 1);
    const wanted = projects.map((project) => [project, BY_HAND.includes(project) ? 0 : 1]);
    expect(projects.map((project) => [project, runs(project)])).toEqual(wanted);
    expect(BY_HAND.filter((project) => scriptsOf(project).length !== 1)).toEqual([]);
  });

  it("is in the list of CONTRIBUTING.md", () => {
    const tests = Object.keys(scripts).filter((name) => /^test:[a-z]+$/.test(name));
    expect(tests.filter((name) => !read("CONTRIBUTING.md").includes(`npm run ${name} `))).toEqual([]);
  });
});

it(".ci/run runs scripts that are there, each once", () => {
  expect(steps.filter((step) => scripts[step] === undefined)).toEqual([]);
  expect(steps.filter((step, index) => steps.indexOf(step) < index)).toEqual([]);
});

describe("the storage tests, which run on the oldest Postgres, too", () => {
  it("are those of test/integration, but for files that are there and are left out by name", () => {
    const storage = list("--config", "vitest.storage.config.ts").map(({ file }) => file);
    const all = globSync("test/integration/**/*.test.ts", { cwd: ROOT });
    expect([...storage, ...LEFT_OUT].sort()).toEqual([...all, "test/property/backoff.test.ts"].sort());
  });
});
