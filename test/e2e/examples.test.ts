import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { ROOT, temporaryFolder } from "../support/cli/start-local.ts";
import { createTestDatabase, type TestDatabase } from "../support/database/database.ts";
import { functionNames, makeService, packForgeq, TOOLS as CDK } from "../support/deploy/service.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 480_000 });

const EXAMPLE = join(ROOT, "examples", "express-drizzle");
const KEY = "key-of-the-test-that-is-long-enough";

/** The example's packages are the ones that .ci/run installs there; without them this test is left out. */
const TOOLS = join(ROOT, "test", "tools", "orms", "node_modules");

describe.skipIf(!existsSync(TOOLS))("examples/express-drizzle, from the packed package", () => {
  const folder = temporaryFolder();
  const app = join(folder.path, "app");
  const children: ChildProcess[] = [];
  let database: TestDatabase;
  let origin = "";

  const env = () => ({ ...process.env, DATABASE_URL: database.url, FORGEQ_API_KEY: KEY, PORT: "0" });
  const run = async (command: string, args: readonly string[], cwd: string) =>
    promisify(execFile)(command, args, { cwd, env: env() });
  const start = async (script: string): Promise<string> => {
    const child = spawn(process.execPath, [script], { cwd: app, env: env(), stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    return line;
  };
  const signUp = async (email: string): Promise<Response> =>
    fetch(`${origin}/accounts`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email }),
    });

  beforeAll(async () => {
    database = await createTestDatabase({ empty: true });
    mkdirSync(app);
    cpSync(EXAMPLE, app, { recursive: true });
    const { tarball } = await packForgeq();
    await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball], app);
    await run(process.execPath, ["src/migrate.ts"], app);
    origin = (await start("src/server.ts")).replace("The service is on ", "");
  });
  afterAll(async () => {
    const ended = children.map(async (child) => {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      return (await exit)[0] as number;
    });
    expect(await Promise.all(ended)).toEqual(children.map(() => 0));
    await database.drop();
    folder.remove();
  });

  it("enqueues with the account or not at all, and its worker completes the job with its own write", async () => {
    const made = await signUp("ada@example.com");
    expect(made.status).toBe(201);
    expect((await signUp("ada@example.com")).status).toBe(500);
    const { job } = (await made.json()) as { job: string };
    expect(await database.db.query("select id from forgeq.job")).toEqual([{ id: job }]);

    expect(await start("src/worker.ts")).toBe("The worker is ready");
    const read = async () =>
      (await fetch(`${origin}/queue/jobs/${job}`, { headers: { authorization: `Bearer ${KEY}` } })).json();
    await vi.waitFor(
      async () => expect(await read()).toMatchObject({ state: "completed", result: { welcomed: "ada@example.com" } }),
      60_000,
    );
    const accounts = "select email, welcomed_at is not null as welcomed from account";
    expect(await database.db.query(accounts)).toEqual([{ email: "ada@example.com", welcomed: true }]);
  });

  it("has the dashboard below /queue, and a test of its own that passes", async () => {
    expect((await fetch(`${origin}/queue/dashboard`)).headers.get("content-type")).toContain("text/html");
    const tests = await run("npm", ["test"], app);
    expect(tests.stdout).toMatch(/pass 1\b/);
  });
});

describe("the Dockerfile of examples/express-drizzle", () => {
  const dockerfile = readFileSync(join(EXAMPLE, "Dockerfile"), "utf8");

  it("copies and starts what is there, as an ordinary user", () => {
    const copied = [...dockerfile.matchAll(/^COPY (\S+) /gm)].map(([, file = ""]) => file);
    expect(copied).toEqual(["package.json", "src"]);
    for (const file of [...copied, /^CMD \["node", "(.+)"\]$/m.exec(dockerfile)![1]!])
      expect(existsSync(join(EXAMPLE, file)), file).toBe(true);
    expect(dockerfile).toMatch(/^USER node$/m);
  });

  it("has the adapter that the page on transactions shows", () => {
    const flat = (text: string) => text.replaceAll(/\/\*\*.*\*\/|[\s,]+/g, "");
    const page = readFileSync(join(ROOT, "docs/how-to/transactions.md"), "utf8");
    expect(flat(page)).toContain(flat(readFileSync(join(EXAMPLE, "src/for-drizzle.ts"), "utf8")));
  });
});

/** A copy of an example with the packed package, and its own tests passed. */
const makeExample = async (name: string) => {
  const folder = temporaryFolder();
  onTestFinished(folder.remove);
  const service = await makeService(folder.path, { example: join(ROOT, "examples", name) });
  expect((await service.node(["--test", "src/**/*.test.ts"])).stdout).toMatch(/pass 1\b/);
  return service;
};

const QUEUE = ["api", "dispatcher", "enqueue", "failed-invocation", "scheduler"];

it("examples/serverless packages its own function beside those of its job and the queue, without an error", async () => {
  const service = await makeExample("serverless");
  const { template } = await service.packageService();
  const added = [...QUEUE, "handler-send_receipt"].map((key) => `shop-forgeq-dev-${key}`);
  expect(functionNames(template)).toEqual(["shop-dev-hello", ...added].sort());
  const routes = Object.values(template.Resources).filter(({ Type }) => Type === "AWS::ApiGatewayV2::Route");
  const keys = routes.map(({ Properties }) => Properties?.["RouteKey"]);
  expect(keys).toContain("GET /hello");
  expect(keys).toContain("POST /queue/jobs");
  expect(service.problemsOf(".serverless/cloudformation-template-update-stack.json")).toEqual([]);
});

it.skipIf(!existsSync(CDK))(
  "examples/cdk synthesises its stack, and its job's function alone may use the bucket",
  async () => {
    const service = await makeExample("cdk");
    await service.forgeq("build");
    await service.node(["app.mjs"]);
    const template = service.readTemplate("cdk.out/gallery.template.json");
    expect(functionNames(template)).toEqual(
      [...QUEUE, "handler-make_thumbnail"].map((key) => `gallery-dev-${key}`).sort(),
    );
    const resources = Object.values(template.Resources);
    const worker = resources.find(
      ({ Properties }) => Properties?.["FunctionName"] === "gallery-dev-handler-make_thumbnail",
    );
    const role = (worker?.Properties?.["Role"] as { "Fn::GetAtt": [string, "Arn"] })["Fn::GetAtt"][0];
    const granted = resources.filter((each) => JSON.stringify(each).includes('"s3:GetObject*"'));
    expect(granted).toEqual([
      expect.objectContaining({
        Type: "AWS::IAM::Policy",
        Properties: expect.objectContaining({ Roles: [{ Ref: role }] }) as object,
      }),
    ]);
    expect(service.problemsOf("cdk.out/gallery.template.json")).toEqual([]);
  },
);
