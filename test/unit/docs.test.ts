import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { jobs } from "../../functions/registry.ts";
import { ERROR_CODES } from "../../lib/core/errors.ts";
import { openapiDocument } from "../../lib/http/openapi.ts";
import { statusOf } from "../../lib/http/problem.ts";
import { type OpenApi, operationOf, violations } from "../support/http/openapi.ts";
import { PRICES } from "../support/observe/prices.ts";

const openapi = JSON.parse(JSON.stringify(openapiDocument(jobs))) as OpenApi;
const guide = readFileSync("docs/api.md", "utf8");
const pages = [
  "README.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" }).map((name) => join("docs", name)),
].filter((name) => name.endsWith(".md"));

const blocks = (language: string, text = guide): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, "g"))].map(([, block = ""]) => block);

/** The requests of the guide's curl commands. */
const requests = blocks("sh")
  .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
  .filter((line) => line.startsWith("curl "))
  .map((line) => {
    const body = /-d '(.*)'/.exec(line)?.[1];
    return {
      method: /-X (\w+)/.exec(line)?.[1] ?? (body === undefined ? "GET" : "POST"),
      path: /"\$URL([^"]*)"/.exec(line)?.[1] ?? "",
      body: body === undefined ? undefined : (JSON.parse(body) as unknown),
    };
  });

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, "")
    .replaceAll(" ", "-");

/** Pages for readers beside the docs. */
const OTHERS = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", ...readdirSync("examples", { recursive: true, encoding: "utf8" }).filter((name) => /README\.md$/.test(name) && !name.includes("node_modules")).map((name) => join("examples", name))]; // prettier-ignore

it.each([...pages, ...OTHERS])("the links of %s lead to files and headings that are there", (page) => {
  const text = readFileSync(page, "utf8");
  for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? page : join(dirname(page), file);
    expect({ target, there: existsSync(path) }).toEqual({ target, there: true });
    if (anchor === undefined) continue;
    const headings = [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      anchorOf(heading),
    );
    expect(headings).toContain(anchor);
  }
});

/** Variables and options that are there: those of the settings' page, which a test compares with the code, and of every command. */
const VARIABLES = new Set(readFileSync("docs/reference/settings.md", "utf8").match(/\bFORGEQ_[A-Z_]+\b/g));
const OPTIONS = new Set(readFileSync("docs/cli.md", "utf8").match(/--[a-z][a-z-]+/g));

it.each([...pages, ...OTHERS])("%s names variables and options of forgeq that are there", (page) => {
  const text = readFileSync(page, "utf8");
  // Those of tests and of builds are no settings.
  const variables = (text.match(/\bFORGEQ_[A-Z]+(_[A-Z]+)*\b(?!_)/g) ?? []).filter(
    (name) => !/^FORGEQ_(TEST|WORLD|LAMBDA_CLIENT)/.test(name),
  );
  expect(variables.filter((name) => !VARIABLES.has(name))).toEqual([]);
  const commands = [...text.matchAll(/`((?:npx )?forgeq [a-z][^`]*)`/g)].map(([, command = ""]) => command);
  const options = commands.flatMap((command) => command.match(/--[a-z][a-z-]+/g) ?? []);
  expect(options.filter((option) => !OPTIONS.has(option))).toEqual([]);
});

/** Written by a command, whose table of figures it is. */
const TABLES = "docs/performance/tables.md";
const DECISIONS = /^docs\/adr\//;

it.each([
  ...pages.filter((page) => !DECISIONS.test(page) && page !== TABLES && page !== "README.md"),
  "CONTRIBUTING.md",
  "SECURITY.md",
])("%s says first for whom it is", (page) => {
  const [, first = ""] = readFileSync(page, "utf8").split("\n\n");
  expect(first).toMatch(/\b[Ff]or (people|readers|developers|operators|users|teams|engineers|whoever|everybody)\b/i);
});

it("docs/README.md leads to each page, by itself or by its folder", () => {
  const map = readFileSync("docs/README.md", "utf8");
  const missing = pages
    .filter((page) => page.startsWith("docs/") && page !== "docs/README.md")
    .map((page) => page.slice("docs/".length))
    .filter((page) => !map.includes(`(${page})`) && !map.includes(`(${dirname(page)})`));
  // The page on performance shows them.
  expect(missing).toEqual(["performance/tables.md"]);
});

describe("docs/api.md", () => {
  it("names every operation in its table", () => {
    const described = Object.entries(openapi.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    const missing = described.filter(({ method, path }) => {
      const last = path.split("/").at(-1) ?? "";
      return !guide.includes(`${method} ${path}\``) && !guide.includes(`.../${last}\``);
    });
    expect(missing).toEqual([]);
  });

  it.each(requests)("has an example that the API takes: $method $path", ({ method, path, body }) => {
    const operation = operationOf(openapi, method, path);
    expect(operation).toBeDefined();
    const names = operation?.parameters.filter((each) => each.in === "query").map(({ name }) => name) ?? [];
    for (const name of new URL(path, "http://localhost").searchParams.keys()) expect(names).toContain(name);
    const schema = operation?.requestBody?.content["application/json"]?.schema;
    expect(schema === undefined).toBe(body === undefined);
    if (schema !== undefined) expect(violations(openapi, schema, body)).toEqual([]);
  });

  it("shows a job and an error as the API answers them", () => {
    const [job, problem] = blocks("json").map((block) => JSON.parse(block) as Record<string, unknown>);
    expect(violations(openapi, openapi.components.schemas["Job"] ?? {}, job)).toEqual([]);
    expect(violations(openapi, openapi.components.schemas["Problem"] ?? {}, problem)).toEqual([]);
  });

  it("names every error's code with its status", () => {
    const rows = new Map(
      [...guide.matchAll(/^\| (\d{3}) +\| (.*)\|$/gm)].map(([, status = "", codes = ""]) => [status, codes]),
    );
    for (const code of ERROR_CODES)
      expect({ code, row: rows.get(String(statusOf(code))) }).toEqual({
        code,
        row: expect.stringContaining(`\`${code}\``),
      });
  });
});

it("the page on cost counts with the simulator's prices", () => {
  const requests = PRICES.lambdaPerMillionRequests.toFixed(2);
  const text = readFileSync("docs/cost.md", "utf8").replaceAll("\n", " ");
  expect(text).toContain(`$${requests} for a million requests and $${PRICES.lambdaPerGbSecond} for a GB-second`);
});
