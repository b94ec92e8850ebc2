import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { freePort } from "../../lib/local/postgres.ts";
import { namesInZip } from "../support/cli/package.ts";
import { temporaryFolder } from "../support/cli/start-local.ts";
import { createTestDatabase } from "../support/database/database.ts";
import { functionNames, makeService, TOOLS } from "../support/deploy/service.ts";
import { canonical } from "../support/deploy/templates.ts";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const folder = temporaryFolder();
let service: Awaited<ReturnType<typeof makeService>>;
beforeAll(async () => {
  service = await makeService(folder.path);
  service.write("forgeq.config.ts", `export default { jobs: "src/jobs", service: "store" };\n`);
});
afterAll(folder.remove);

const SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:forgeq-AbCdEf";

/** Everything that the functions can be told, at once. */
const ALL = {
  ...{ wake: "armed", backstop: "rate(6 hours)", eager: "true", basePath: "/queue" },
  vpcSubnetIds: "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
  vpcSecurityGroupIds: "sg-0123456789abcdef0",
  kmsKeyArn: "arn:aws:kms:eu-central-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
  databaseSecretArn: SECRET,
  databaseIamUser: "cluster-ABC/forgeq",
  ...{ dispatcherConcurrency: "5", handlerConcurrency: "10", logRetentionDays: "7", accessLog: "false" },
  alarmTopicArn: "arn:aws:sns:eu-central-1:123456789012:alarms",
};

const SETS: readonly (readonly [stage: string, parameters: Readonly<Record<string, string>>])[] = [
  ["dev", { basePath: "/queue" }],
  ["prod", ALL],
];

const PROVIDER = "provider: { name: aws, runtime: nodejs24.x, architecture: arm64, region: eu-central-1 }";

/** The service of ForgeQ alone, with its own name. */
const alone = (parameters: Readonly<Record<string, string>>) => `service: store
plugins: [forgeq/serverless]
${PROVIDER}
forgeq: ${JSON.stringify({ jobs: "src/jobs", service: "store", ...parameters })}
`;

const app = (stage: string, parameters: object) => `
import { App, Stack, aws_s3 } from "aws-cdk-lib";
import { ForgeQ } from "forgeq/cdk";
const app = new App({ outdir: "cdk.out" });
new ForgeQ(new Stack(app, "store"), "Jobs", { service: "store", stage: "${stage}", parameters: ${JSON.stringify(parameters)} });
const granting = new Stack(app, "granting");
const jobs = new ForgeQ(granting, "Jobs", { service: "store", stage: "${stage}" });
new aws_s3.Bucket(granting, "Images").grantRead(jobs.handler("resize_image"));
app.synth();
`;

describe.skipIf(!existsSync(TOOLS))("what the printers make of one plan", () => {
  it.each(SETS)("is equal but for names and order, and valid: %s", async (stage, parameters) => {
    const { template: byPlugin } = await service.serverless(alone(parameters), { stage });
    expect(service.problemsOf(".serverless/cloudformation-template-update-stack.json")).toEqual([]);

    await service.forgeq("build");
    const given = Object.entries(parameters).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    await service.forgeq("template", "--stage", stage, ...given, "--out", "template.json");
    expect(service.problemsOf("template.json")).toEqual([]);
    const byCommand = service.readTemplate("template.json");

    service.write("app.mjs", app(stage, parameters));
    await service.node(["app.mjs"]);
    expect(service.problemsOf("cdk.out/store.template.json")).toEqual([]);
    const byConstruct = service.readTemplate("cdk.out/store.template.json");

    expect(functionNames(byCommand)).toHaveLength(7);
    expect(canonical(byCommand)).toEqual(canonical(byPlugin));
    expect(canonical(byConstruct)).toEqual(canonical(byPlugin));
    const granted = JSON.stringify(service.readTemplate("cdk.out/granting.template.json"));
    expect(granted).toContain("s3:GetObject*");
  });

  it("hands the functions to a bundler that the service has, as sources", async () => {
    // As in a fresh checkout.
    rmSync(join(service.folder, ".forgeq"), { recursive: true, force: true });
    const { template, said } = await service.serverless(`service: store
plugins: [serverless-esbuild, forgeq/serverless]
${PROVIDER}
package: { individually: true }
custom:
  esbuild: { target: node24, format: esm, outputFileExtension: .mjs, exclude: [pg-native], banner: { js: "import{createRequire as r}from'node:module';const require=r(import.meta.url);" } }
forgeq: { jobs: src/jobs }
functions:
  hello: { handler: src/hello.handler }
`);
    expect(said).toContain("7 functions for serverless-esbuild");
    expect(functionNames(template)).toHaveLength(8);
    expect(template.Resources["ForgeqDashenqueueLambdaFunction"]?.Properties?.["Handler"]).toBe(
      ".forgeq/entries/enqueue.handler",
    );
  });
});

describe("forgeq build", () => {
  it("leaves zod's JSON Schema to a file that the first document loads, beside each bundle", async () => {
    await service.forgeq("build");
    const build = join(service.folder, ".forgeq", "build");
    for (const key of ["enqueue", "api", "dispatcher", "handler-resize_image"]) {
      const modules = readdirSync(join(build, key)).filter((file) => file.endsWith(".mjs"));
      const converting = modules.filter((file) =>
        readFileSync(join(build, key, file), "utf8").includes("cannot be represented in JSON Schema"),
      );
      expect({ [key]: converting }).toEqual({ [key]: [expect.stringMatching(/^json-schema-[\d.]+\.mjs$/)] });
    }
  });
});

/** A service with a table of functions of its own, written in every way that the framework has. */
const mixed = (plugins: string) => `service: store
plugins: ${plugins}
${PROVIDER}
params: { default: { late: 600 } }
forgeq: { jobs: src/jobs, basePath: /queue, lateSeconds: "\${param:late}" }
package: { patterns: ["!**", src/hello.js] }
functions:
  - \${file(functions-\${sls:stage}.yml)}
  - forgeq-dispatcher: { memorySize: 1024, environment: { FORGEQ_LOG_LEVEL: debug } }
resources:
  - \${file(resources.yml)}
  - Resources: { ForgeqFailedRecords: { Type: AWS::SQS::Queue, Properties: { QueueName: own } } }
`;

/** The system's own Node, where it is the old one that some run the framework with. */
const OLD_NODE = ["/usr/bin/node", "/usr/local/bin/node"].find(
  (file) => existsSync(file) && /^v20\./.test(execFileSync(file, ["--version"], { encoding: "utf8" })),
);

describe("the plugin in a service of somebody else's", () => {
  beforeAll(() => {
    service.write("functions-dev.yml", "api: { handler: src/hello.handler, events: [{ httpApi: GET /hello }] }\n");
    service.write("resources.yml", "Resources: { Orders: { Type: AWS::SNS::Topic } }\n");
  });

  it.each([
    ["before serverless-offline", "[forgeq/serverless, serverless-offline]", process.execPath],
    ["after it, on the oldest Node that is here", "[serverless-offline, forgeq/serverless]", OLD_NODE],
  ])("adds its functions %s, and what the service lists wins", async (_, plugins, node) => {
    const { template } = await service.serverless(mixed(plugins), { with: node ?? process.execPath });
    expect(functionNames(template)).toEqual(
      [
        "store-dev-api",
        ...["api", "dispatcher", "enqueue", "failed-invocation", "handler-resize_image", "handler-send_receipt", "scheduler"].map((key) => `store-forgeq-dev-${key}`), // prettier-ignore
      ].sort(),
    );
    const { Resources } = template;
    expect(Resources["Orders"]).toBeDefined();
    expect(Resources["ForgeqFailedRecords"]?.Properties).toEqual({ QueueName: "own" });
    expect(Resources["ForgeqDashdispatcherLambdaFunction"]?.Properties).toMatchObject({
      MemorySize: 1024,
      Timeout: 300,
      Environment: { Variables: { FORGEQ_LOG_LEVEL: "debug", FORGEQ_SERVICE: "store-forgeq" } },
    });
    // The gateway serves the service's own route, too: its stage is the service's.
    expect(Resources["HttpApiStage"]?.Properties?.["DefaultRouteSettings"]).toEqual({ DetailedMetricsEnabled: false });
    expect(JSON.stringify(Resources["ForgeqQueueLateAlarm"])).toContain('"Threshold":600');
    expect(service.problemsOf(".serverless/cloudformation-template-update-stack.json")).toEqual([]);
  });

  it("leaves out of the service's own zip what its functions have already, unless the service lists it", async () => {
    const yml = (patterns: string) =>
      `service: store\nplugins: [forgeq/serverless]\n${PROVIDER}\npackage: { patterns: [${patterns}] }\nforgeq: { jobs: src/jobs }\nfunctions: { hello: { handler: src/hello.handler } }\n`;
    const namesOf = async (patterns: string) => {
      await service.serverless(yml(patterns));
      return namesInZip(join(service.folder, ".serverless", "store.zip"));
    };
    const names = await namesOf(`"!node_modules/**"`);
    expect(names).toContain("src/hello.js");
    expect(names.filter((name) => name.startsWith(".forgeq/"))).toEqual([]);
    expect(await namesOf(`"!node_modules/**", .forgeq/build/forgeq.json`)).toContain(".forgeq/build/forgeq.json");
  });

  it.each([
    ["an unknown setting", "{ jobs: src/jobs, wakes: armed }", "there is no setting wakes"],
    ["a folder that is not there", "{ jobs: src/work }", "there is no folder src/work with job types"],
    ["a name that is too long", `{ jobs: src/jobs, service: ${"s".repeat(50)} }`, "at most 64 characters"],
  ])("refuses %s in one sentence, before anything is written", async (_, block, sentence) => {
    rmSync(join(service.folder, ".serverless"), { recursive: true, force: true });
    rmSync(join(service.folder, ".forgeq", "build"), { recursive: true, force: true });
    const yml = `service: store\nplugins: [forgeq/serverless]\n${PROVIDER}\nforgeq: ${block}\n`;
    const refused = await service.serverless(yml).catch((error: { stdout: string; stderr: string }) => error);
    const said = "said" in refused ? refused.said : refused.stdout + refused.stderr;
    expect(said).toContain(sentence);
    expect(said).not.toMatch(/^\s+at /m);
    expect(existsSync(join(service.folder, ".serverless", "cloudformation-template-update-stack.json"))).toBe(false);
    expect(existsSync(join(service.folder, ".forgeq", "build"))).toBe(false);
  });

  it("refuses a type in two folders, and names both", async () => {
    service.write(
      "src/jobs/twice/job.ts",
      'import { defineJob } from "forgeq/job";\nimport * as z from "zod";\nexport const twice = defineJob({ type: "send_receipt", payload: z.object({}) });\n',
    );
    const refused = await service
      .serverless(alone({}))
      .catch((error: { stdout: string; stderr: string }) => error.stdout + error.stderr);
    rmSync(join(service.folder, "src", "jobs", "twice"), { recursive: true });
    expect(refused).toContain(
      "the job type send_receipt is defined twice: in src/jobs/send_receipt/job.ts and in src/jobs/twice/job.ts",
    );
  });

  it("runs a job under serverless offline, beside the service's own route", async () => {
    const database = await createTestDatabase({ empty: true });
    service.write("serverless.yml", mixed("[forgeq/serverless, serverless-offline]"));
    await service.forgeq("migrate", "--database-url", database.url);
    const [httpPort, lambdaPort] = [await freePort(), await freePort()];
    const child = spawn(
      process.execPath,
      ["node_modules/serverless/bin/serverless.js", "offline", "--httpPort", String(httpPort), "--lambdaPort", String(lambdaPort)], // prettier-ignore
      {
        cwd: service.folder,
        env: {
          PATH: process.env["PATH"],
          // What it unpacks there stays when it is killed.
          TMPDIR: service.folder,
          DATABASE_URL: database.url,
          FORGEQ_API_KEY: "a-key-of-20-characters",
        },
        stdio: "ignore",
      },
    );
    const ended = new Promise((done) => child.once("exit", done));
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    const origin = `http://127.0.0.1:${httpPort}`;
    const soon = { timeout: 120_000, interval: 200 };
    await expect.poll(() => fetch(`${origin}/queue/health`).then(({ ok }) => ok, () => false), soon).toBe(true); // prettier-ignore
    expect(await (await fetch(`${origin}/hello`)).text()).toBe("hello of the store");
    const page = { headers: { origin: "http://localhost:5173" } };
    expect((await fetch(`${origin}/hello`, page)).status).toBe(200);
    expect((await fetch(`${origin}/queue/jobs`, page)).status).toBe(403);

    const headers = { authorization: "Bearer a-key-of-20-characters", "content-type": "application/json" };
    const body = JSON.stringify({ type: "send_receipt", payload: { order: "17" } });
    const created = await fetch(`${origin}/queue/jobs`, { method: "POST", headers, body });
    const { id } = (await created.json()) as { id: string };
    const read = async () => await (await fetch(`${origin}/queue/jobs/${id}`, { headers })).json();
    await expect.poll(read, soon).toMatchObject({ state: "completed", result: { sent: "17" } });
  });
});
