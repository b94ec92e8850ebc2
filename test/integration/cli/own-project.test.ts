/** A project that is laid out in its own way, named by forgeq.config.ts. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { forgeq, temporaryFolder } from "../../support/cli/cli.ts";
import { createTestDatabase } from "../../support/database/database.ts";

const lib = (file: string): string => JSON.stringify(new URL(`../../../lib/${file}`, import.meta.url).href);

/** The source of a job type, and of a handler that gives back what it got; JavaScript, and so TypeScript, too. */
const job = (type: string) => `import * as z from ${JSON.stringify(import.meta.resolve("zod"))};
import { defineJob } from ${lib("core/define.ts")};
export const definition = defineJob({ type: "${type}", payload: z.object({ name: z.string() }) });
`;
const handler = (from: string) => `import { lambdaHandler } from ${lib("job.ts")};
import { definition } from "${from}";
export const handler = lambdaHandler(definition, async ({ name }) => ({ greeting: "Hello " + name }));
`;

const makeFolder = (files: Readonly<Record<string, string>>): string => {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries({ "package.json": `{"type": "module"}`, ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
};

const config = (settings: string) => ({
  "forgeq.config.ts": `import { defineConfig } from ${lib("project/config.ts")};\nexport default defineConfig(${settings});\n`,
});

const PAYLOAD = ["--payload", '{"name": "Ada"}'];

describe("a project of its own layout", () => {
  it.each([
    ["in TypeScript", "src/jobs/greet", "ts"],
    ["as built JavaScript", "built/greetings", "js"],
  ])(
    "is migrated, enqueued to and worked, %s",
    async (_, folder, extension) => {
      const cwd = makeFolder({
        ...config(`{ jobs: ${JSON.stringify(dirname(folder))}, queues: "src/queues.js", concurrency: 2 }`),
        [`${folder}/job.${extension}`]: job("greet"),
        [`${folder}/handler.${extension}`]: handler(`./job.${extension}`),
        "src/queues.js": `import { defineQueue } from ${lib("core/define.ts")};\nexport const queues = [defineQueue({ name: "greet", maxInFlight: 3 })];\n`,
      });
      const { url, db } = await createTestDatabase();
      const run = (...args: string[]) => forgeq(args, { cwd, env: { DATABASE_URL: url } });

      expect((await run("migrate")).stderr).toContain("Synchronised 1 job types.");
      expect(await db.query("select name, max_in_flight as most from forgeq.queue")).toEqual([
        { name: "greet", most: 3 },
      ]);
      const { stdout } = await run("enqueue", "--type", "greet", ...PAYLOAD);
      const worked = await run("worker", "--once");
      expect(worked).toMatchObject({ code: 0 });
      expect(worked.stderr).toContain("up to 2 jobs concurrently");
      const shown = await run("jobs", "show", stdout.trim(), "--json");
      expect(JSON.parse(shown.stdout)).toMatchObject({ state: "completed", result: { greeting: "Hello Ada" } });
    },
    60_000,
  );
});

describe("refuses in one sentence", () => {
  const GREET = { "src/jobs/greet/job.ts": job("greet") };
  const JOBS = config(`{ jobs: "src/jobs" }`);

  it.each<[string, Record<string, string>, string]>([
    [
      "a setting that it does not know",
      config(`{ concurency: 3 }`),
      'forgeq.config.ts: there is no setting "concurency"',
    ],
    ["a setting of another kind", config(`{ jobs: 7 }`), "forgeq.config.ts: jobs must be a folder"],
    ["a base path without its slash", config(`{ basePath: "queue/" }`), "basePath must be a path such as /queue"],
    [
      "a config that is no object",
      { "forgeq.config.mjs": "export default 7;" },
      "forgeq.config.mjs does not hold an object",
    ],
    ["a config that can't be read", { "forgeq.config.json": "{" }, "forgeq.config.json can't be loaded: "],
    ["a config that throws", { "forgeq.config.js": `throw new Error("no");` }, "forgeq.config.js can't be loaded: no"],
    ["a folder that is not there", JOBS, "there is no folder src/jobs with job types"],
    [
      "queues that are not there",
      { ...config(`{ jobs: "src/jobs", queues: "q.ts" }`), ...GREET },
      "there is no file q.ts with queues",
    ],
    [
      "a type without its definition",
      { ...JOBS, "src/jobs/greet/job.ts": "export const greet = {};" },
      "src/jobs/greet/job.ts exports no job type made by defineJob()",
    ],
    [
      "a type of two folders",
      { ...JOBS, ...GREET, "src/jobs/hail/job.ts": job("greet") },
      "the job type greet is defined twice: in src/jobs/greet/job.ts and in src/jobs/hail/job.ts",
    ],
    ["a type without a handler", { ...JOBS, ...GREET }, "src/jobs/greet has no handler.ts: the jobs of greet need one"],
    [
      "a handler that is none",
      { ...JOBS, ...GREET, "src/jobs/greet/handler.ts": "export const handler = () => 1;" },
      "src/jobs/greet/handler.ts exports no handler made by lambdaHandler()",
    ],
  ])(
    "%s",
    async (what, files, sentence) => {
      const { url } = await createTestDatabase();
      const { code, stdout, stderr } = await forgeq(what.startsWith("queues") ? ["migrate"] : ["worker", "--once"], {
        cwd: makeFolder(files),
        env: { DATABASE_URL: url, SMTP_URL: "smtp://127.0.0.1" },
      });
      expect(stderr).toContain(sentence);
      expect(stderr).not.toMatch(/^ +at /m);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    },
    60_000,
  );
});

describe("the owner of what a project migrates", () => {
  const migrated = async (files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) => {
    const { url, db } = await createTestDatabase();
    const cwd = makeFolder({
      ...config(`{ jobs: "src/jobs" }`),
      "src/jobs/greet/job.ts": job("greet"),
      "src/jobs/greet/handler.ts": handler("./job.ts"),
      ...files,
    });
    const ran = await forgeq(["migrate"], { cwd, env: { DATABASE_URL: url, FORGEQ_STAGE: "prod", ...env } });
    const owners = await db.query<{ owner: string | null }>("select owner from forgeq.job_type where type = 'greet'");
    return { ...ran, owner: owners[0]?.owner };
  };
  const service = (lines: string) => ({ "serverless.yml": `${lines}\nprovider: { name: aws, stage: !Ref Stage }\n` });

  it.each([
    ["the plugin's service", service("service: shop\nplugins: [forgeq/serverless]"), {}, "shop-forgeq-prod"],
    [
      "the name that the plugin is given",
      service("service: shop\nplugins:\n  - forgeq/serverless\nforgeq: { service: jobs }"),
      {},
      "jobs-prod",
    ],
    ["not that of a service without the plugin", service("service: shop"), {}, "forgeq-prod"],
    [
      "what the environment says",
      service("service: ${env:NAME}\nplugins: [forgeq/serverless]"),
      { FORGEQ_SERVICE: "other" },
      "other-prod",
    ],
    ["nobody without a stage", service("service: shop\nplugins: [forgeq/serverless]"), { FORGEQ_STAGE: "" }, null],
  ])("is %s", async (_, files, env, owner) => {
    const { code, owner: found, stderr } = await migrated(files, env);
    expect({ code, found }).toEqual({ code: 0, found: owner });
    if (owner !== null) expect(stderr).toContain(`Synchronised 1 job types, which belong to ${owner}.`);
  });

  it.each([
    ["a name that only the framework knows", "service: ${env:NAME}\nplugins: [forgeq/serverless]"],
    ["a file that is not YAML", "service: [shop"],
  ])("is not guessed from %s", async (_, lines) => {
    const { code, owner, stderr } = await migrated(service(lines));
    expect({ code, owner }).toEqual({ code: 2, owner: undefined });
    expect(stderr).toContain("set FORGEQ_SERVICE to what its functions' names begin with");
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
