/** What each command says to bad input: one clear sentence, exit 2 where it is the caller's mistake and 1 where it is not, no stack, nothing half done. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../../lib/cli/program.ts";
import { forgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const lib = (file: string): string => JSON.stringify(new URL(`../../../lib/${file}`, import.meta.url).href);

type Files = Readonly<Record<string, string>>;

const job = (type: string): string => `import * as z from ${JSON.stringify(import.meta.resolve("zod"))};
import { defineJob } from ${lib("core/define.ts")};
export const definition = defineJob({ type: "${type}", payload: z.object({ name: z.string() }) });
`;
const HANDLER = `import { lambdaHandler } from ${lib("job.ts")};
import { definition } from "./job.ts";
export const handler = lambdaHandler(definition, async ({ name }) => name);
`;

const EMPTY: Files = { "package.json": `{"type": "module"}` };
const CONFIG: Files = { ...EMPTY, "forgeq.config.mjs": `export default { jobs: "src/jobs" };\n` };
const PROJECT: Files = { ...CONFIG, "src/jobs/greet/job.ts": job("greet"), "src/jobs/greet/handler.ts": HANDLER };
const withConfig = (settings: string): Files => ({ ...PROJECT, "forgeq.config.mjs": `export default ${settings};\n` });

interface Case {
  readonly args: readonly string[];
  /** Relative to the project's folder; one that ends in a slash is a folder. */
  readonly files?: Files;
  readonly env?: Readonly<Record<string, string>>;
  readonly says: string | RegExp;
  readonly code?: 1;
}

const LONG = "x".repeat(65);
const FEW = "Give a name that matches ^[a-z][a-z0-9_-]{0,39}$.";
const PAYLOAD = ["--payload", `{"name": "Ada"}`];
const NO_DATABASE = "the database can't be reached: nobody answers at its address";
const SECRET = Buffer.alloc(32, 1).toString("base64url");

/** By the command, in the order of the help. No case needs a database: there is none. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  init: [
    { args: ["--bogus"], says: "unknown option '--bogus'" },
    { args: ["here"], says: "too many arguments for 'init'" },
    { args: ["--jobs", ""], says: "Give a folder inside the project, as src/jobs." },
    { args: ["--jobs", "/src"], says: "Give a folder inside the project, as src/jobs." },
    { args: [], files: { "package.json/": "" }, says: "package.json does not hold a JSON object: nothing was changed" },
    {
      args: [],
      files: { ...EMPTY, "serverless.yml/": "" },
      says: "serverless.yml can't be edited: nothing was changed",
    },
    { args: [], files: { ...EMPTY, ".gitignore/": "" }, says: ".gitignore can't be edited: nothing was changed" },
    { args: [], files: { ...EMPTY, src: "mine" }, says: "can't be written: nothing was changed" },
  ],
  add: [
    { args: ["task", "x"], says: "unknown command 'task'" },
    { args: ["job"], says: "missing required argument 'name'" },
    { args: ["job", ""], says: FEW },
    { args: ["job", "../x"], says: FEW },
    { args: ["job", LONG], says: FEW },
    { args: ["job", "greet"], files: PROJECT, says: "there is a job type greet already: nothing was changed" },
    { args: ["job", "wave"], files: { ...PROJECT, "src/jobs/wave": "mine" }, says: "can't be written: nothing was changed" }, // prettier-ignore
    { args: ["job", "wave"], files: EMPTY, says: "there is no folder functions/handlers here: make a project with forgeq init" }, // prettier-ignore
  ],
  dev: [
    { args: [], says: "there is no folder functions/handlers here: run this in a project's folder" },
    { args: ["--port", "70000"], files: PROJECT, says: "Give a whole number from 0 to 65535." },
    { args: ["--host", ""], files: PROJECT, says: "Give an address, as 127.0.0.1, or 0.0.0.0 for all." },
    { args: ["--concurrency", "0"], files: PROJECT, says: "Give a whole number from 1 to 10000." },
    { args: ["--grace", "soon"], files: PROJECT, says: "Give a duration, as 30s, 5m, 1h30m or 2d." },
  ],
  server: [
    { args: ["--port", "-1"], files: PROJECT, says: "Give a whole number from 0 to 65535." },
    { args: [], files: withConfig(`{ port: "many" }`), says: "the config's port is not valid: Give a whole number" },
  ],
  worker: [
    { args: ["--queue", ""], says: "Give the name of a queue" },
    { args: ["--once"], files: PROJECT, env: { SMTP_URL: "smtp://127.0.0.1" }, says: NO_DATABASE, code: 1 },
  ],
  dashboard: [
    { args: ["--url", "nonsense"], says: "--url is not an address: nonsense" },
    { args: ["--url", "http://127.0.0.1:1"], env: { FORGEQ_SECRET: SECRET, FORGEQ_API_KEY: "k".repeat(20) }, says: "nothing answers at http://127.0.0.1:1" }, // prettier-ignore
  ],
  enqueue: [
    { args: [], files: PROJECT, says: "give --type, or --file for many jobs" },
    { args: ["--type", "fly", ...PAYLOAD], files: PROJECT, says: /^forgeq: There is no job type fly; [^:]*$/, code: 1 },
    { args: ["--type", "greet", "--payload", "{}"], files: PROJECT, says: "/payload/name: Invalid input", code: 1 },
    { args: ["--type", "greet", "--payload", "{x"], files: PROJECT, says: "--payload is not JSON" },
    { args: ["--type", "greet", "--payload", "@none.json"], files: PROJECT, says: "none.json can't be read (ENOENT)" },
    { args: ["--type", "greet", "--payload", "@src"], files: PROJECT, says: "src can't be read (EISDIR)" },
    { args: ["--file", "none"], files: PROJECT, says: "none can't be read (ENOENT)" },
    { args: ["--file", "src"], files: PROJECT, says: "src is a folder: give a file with a job a line" },
  ],
  id: [
    { args: ["order-42", "yesterday"], says: "Give an instant with its offset" },
    { args: ["", "2030-01-31T08:00:00Z"], says: "give a key that is not empty" },
  ],
  jobs: [
    { args: ["bulk", "retry"], says: "without a filter every job is meant: say so by --all" },
    { args: ["bulk", "fly", "--all"], says: "unknown command 'fly'" },
    { args: ["bulk", "retry", "--state", "gone"], says: "Allowed choices are scheduled, pending" },
    { args: ["bulk", "retry", "--payload", "x"], says: "--payload: give PATH=VALUE" },
    { args: ["bulk", "retry", "--all", "--slice", "0"], says: "Give a whole number from 1 to 500." },
    { args: ["bulk", "retry", "--id", "x"], says: "Give a job's id, which is a UUID." },
    { args: ["bulk", "retry", "--type", ""], says: FEW },
    { args: ["bulk", "retry", "--error", ""], says: "--error: Too small" },
    { args: ["bulk", "reschedule", "--all"], says: "give --run-at, --delay or --priority" },
    { args: ["bulk", "delete", "--created-before", "today"], says: "Give an instant with its offset" },
    { args: ["bulk", "retry", "--all"], says: NO_DATABASE, code: 1 },
    { args: ["show", "x"], says: "at least its first eight characters" },
    { args: ["list", "--limit", "0"], says: "Give a whole number from 1 to 1000000." },
  ],
  queues: [{ args: ["pause", "x", "--until", "later"], says: "Give an instant with its offset" }],
  schedules: [{ args: ["create", "x"], says: "required option '--cron <rule>' not specified" }],
  keys: [
    { args: ["create"], says: "required option '--scopes <scopes>' not specified" },
    { args: ["create", "web", "--scopes", "jobs:fly"], says: "jobs:fly is none of jobs:write" },
    { args: ["create", "web", "--scopes", "jobs:read", "--days", "0"], says: "Give a whole number from 1 to 3650." },
    { args: ["create", "web", "--scopes", "jobs:read", "--types", "none"], says: "a key of no types or queues can do nothing" }, // prettier-ignore
    { args: ["create", "web", "--scopes", "jobs:read"], says: "FORGEQ_SECRET is not set" },
    { args: ["create", "web", "--scopes", "jobs:read"], env: { FORGEQ_SECRET: "short" }, says: "FORGEQ_SECRET is not valid" }, // prettier-ignore
    { args: ["list"], says: NO_DATABASE, code: 1 },
  ],
  stats: [{ args: ["--interval", "0"], says: "Give a duration of 100ms at least." }],
  errors: [{ args: ["--window", "1y"], says: "Allowed choices are 1h, 24h, 7d, 30d." }],
  build: [
    { args: [], says: "there is no folder functions/handlers here: make a project with forgeq init" },
    { args: ["--external"], files: PROJECT, says: "option '--external <package>' argument missing" },
    { args: [], files: CONFIG, says: "there is no folder src/jobs with job types" },
    { args: [], files: { ...CONFIG, "src/jobs/greet/job.ts": job("greet") }, says: "the job type greet has no handler beside its job" }, // prettier-ignore
    { args: [], files: { ...PROJECT, "src/jobs/hail/job.ts": job("greet") }, says: "the job type greet is defined twice: in src/jobs/greet/job.ts and in src/jobs/hail/job.ts" }, // prettier-ignore
    { args: [], files: { ...PROJECT, "src/jobs/greet/job.ts": "export const = 1" }, says: "src/jobs/greet/job.ts can't be loaded" }, // prettier-ignore
  ],
  template: [
    { args: [], says: "say what the functions' names begin with: --service, or service in forgeq.config.ts" },
    { args: ["--service", ""], says: "Give at most 40 letters, digits and hyphens, a letter first." },
    { args: ["--service", LONG], says: "Give at most 40 letters, digits and hyphens, a letter first." },
    { args: ["--service", "store"], says: /nothing was built in .*: run forgeq build first/ },
    { args: ["--service", "store"], files: { ...EMPTY, ".forgeq/build/forgeq.json": "{" }, says: "forgeq.json can't be read: run forgeq build again" }, // prettier-ignore
    ...[
      { args: ["--param", "wake"], says: "--param wake: write it as NAME=VALUE" },
      { args: ["--param", "wakes=armed"], says: "wakes" },
      { args: ["--service", "s".repeat(40), "--stage", "t".repeat(20)], says: "at most 64 characters" },
      { args: ["--out", ".forgeq"], says: "--out: .forgeq can't be written (EISDIR)" },
      { args: ["--out", "none/template.json"], says: "--out: none/template.json can't be written (ENOENT)" },
    ].map(({ args, says }) => ({
      ...{ args: ["--service", "store", ...args], says },
      files: {
        ...EMPTY,
        ".forgeq/build/forgeq.json": `{"jobs": [{"type": "greet", "timeoutSeconds": 60}], "zips": {}}`,
      },
    })),
  ],
  migrate: [
    { args: ["--bogus"], says: "unknown option '--bogus'" },
    { args: [], files: PROJECT, says: NO_DATABASE, code: 1 },
    { args: [], files: { ...PROJECT, "src/jobs/greet/job.ts": `throw new Error("no");` }, says: "src/jobs/greet/job.ts can't be loaded: no" }, // prettier-ignore
  ],
  doctor: [
    { args: ["--part", "x"], says: "Allowed choices are enqueue, api, server, worker, read." },
    { args: ["--connections", "x"], says: "Give a whole number from 1 to 1000000." },
    { args: [], env: { DATABASE_URL: "nonsense" }, says: "DATABASE_URL is not a URL of the form postgres://", code: 1 },
  ],
  completion: [{ args: ["tcsh"], says: "Allowed choices are bash, zsh, fish." }],
};

/** Of the config file, which every command reads. */
const CONFIGS: readonly Case[] = [
  { args: ["--config", "none.ts"], says: "there is no config file none.ts" },
  { args: ["--config", "src"], files: PROJECT, says: "src is no file with settings" },
  { args: [], files: withConfig("{ colour: 1 }"), says: `forgeq.config.mjs: there is no setting "colour"` },
  { args: [], files: withConfig("{ jobs: 7 }"), says: "forgeq.config.mjs: jobs must be a folder" },
  { args: [], files: { ...EMPTY, "forgeq.config.ts": "const x: = 1" }, says: "forgeq.config.ts can't be loaded" },
];

const makeFolder = (files: Files): string => {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries(files)) {
    const path = join(folder, file);
    mkdirSync(file.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!file.endsWith("/")) writeFileSync(path, text);
  }
  return folder;
};

const filesOf = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();

const check = async (command: string, { args, files = EMPTY, env = {}, says, code }: Case): Promise<void> => {
  const cwd = makeFolder(files);
  const before = filesOf(cwd);
  const { stdout, stderr, ...ended } = await forgeq([command, ...args], {
    cwd,
    env: { DATABASE_URL: "postgres://u:p@127.0.0.1:1/none", ...env },
  });
  const said = stderr.trim().replace(/\n\(forgeq --help lists commands and options\)$/, "");
  const what = `forgeq ${[command, ...args].join(" ")}: ${stderr}`;
  expect({ code: ended.code, stdout }, what).toEqual({ code: code ?? 2, stdout: "" });
  expect(said.split("\n"), what).toHaveLength(1);
  if (typeof says === "string") expect(said, what).toContain(says);
  else expect(said, what).toMatch(says);
  expect(filesOf(cwd), what).toEqual(before);
};

describe("bad input is refused in one sentence", () => {
  it("of every command", () => {
    const commands = createProgram().commands.map((command) => command.name());
    expect(Object.keys(CASES).sort()).toEqual(commands.sort());
  });

  it.each(Object.entries(CASES))("forgeq %s", { timeout: 120_000 }, async (command, cases) => {
    const left = [...cases];
    const work = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await check(command, next);
    };
    await Promise.all([work(), work(), work()]);
  });

  it("the config", { timeout: 120_000 }, async () => {
    for (const each of CONFIGS) await check("migrate", each);
  });

  it("a worker that is to run what is there, without a schema", { timeout: 60_000 }, async () => {
    const { url } = await createTestDatabase({ empty: true });
    const env = { DATABASE_URL: url, SMTP_URL: "smtp://127.0.0.1" };
    await check("worker", { args: ["--once"], files: PROJECT, env, says: "forgeq migrate", code: 1 });
  });
});
