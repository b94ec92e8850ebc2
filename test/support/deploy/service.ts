/** A service of somebody else's that has the package installed. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { RegoEngine, TemplateFile } from "@aws/cloudformation-validate";
import { ROOT } from "../cli/start-local.ts";
import type { AnyResource } from "./templates.ts";

/** Installed by .ci/run: CDK, and a bundler of the Serverless Framework. */
export const TOOLS = join(ROOT, "test", "tools", "cdk", "node_modules");

export interface Template {
  readonly Resources: Readonly<Record<string, AnyResource>>;
}

const run = async (node: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(node, args, {
    cwd,
    env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, HOME: cwd },
    maxBuffer: 1e8,
  });

/** Each package is a link of its own, so that it finds what it needs where it lies. */
const linkPackages = (from: string, to: string): void => {
  if (!existsSync(from)) return;
  for (const name of readdirSync(from)) {
    const packages = name.startsWith("@") ? readdirSync(join(from, name)).map((each) => join(name, each)) : [name];
    for (const each of packages) {
      mkdirSync(dirname(join(to, each)), { recursive: true });
      if (!existsSync(join(to, each))) symlinkSync(join(from, each), join(to, each));
    }
  }
};

const job = (type: string, name: string, seconds: number) => `import { defineJob } from "forgeq/job";
import * as z from "zod";
export const ${name} = defineJob({ type: "${type}", timeoutSeconds: ${seconds}, payload: z.object({ order: z.string() }) });
`;

const handler = (name: string) => `import { lambdaHandler } from "forgeq/job";
import { ${name} } from "./job.ts";
export const handler = lambdaHandler(${name}, async ({ order }) => ({ sent: order }));
`;

const FILES: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({ name: "store", private: true, type: "module" }),
  "src/hello.js": `export const handler = async () => ({ statusCode: 200, body: "hello of the store" });\n`,
  "src/jobs/send_receipt/job.ts": job("send_receipt", "sendReceipt", 20),
  "src/jobs/send_receipt/handler.ts": handler("sendReceipt"),
  "src/jobs/resize_image/job.ts": job("resize_image", "resizeImage", 300),
  "src/jobs/resize_image/handler.ts": handler("resizeImage"),
};

/** Stages the package and packs it into a folder; gives the tarball's path. */
export const packForgeq = async (folder: string): Promise<string> => {
  const stage = join(folder, "stage");
  await run(process.execPath, [join(ROOT, "packaging", "stage.mjs"), stage], ROOT);
  const { stdout } = await run("npm", ["pack", "--silent", stage], folder);
  return join(folder, stdout.trim().split("\n").at(-1)!);
};

/** Puts the content of a tarball into the folder of a package. */
const unpack = async (tarball: string, folder: string): Promise<void> => {
  mkdirSync(folder, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", folder, "--strip-components=1"], folder);
};

/**
 * Makes a service in a folder, with the package as it is published.
 *
 * @param options.example - the folder that the service is a copy of; a store of two job types unless given
 * @param options.tarball - the packed package; it is packed here unless given
 */
export const makeService = async (folder: string, options: { example?: string; tarball?: string } = {}) => {
  const service = join(folder, "store");
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(service, file)), { recursive: true });
    writeFileSync(join(service, file), text);
  };
  if (options.example === undefined) for (const [file, text] of Object.entries(FILES)) write(file, text);
  else cpSync(options.example, service, { recursive: true });
  const modules = join(service, "node_modules");
  await unpack(options.tarball ?? (await packForgeq(folder)), join(modules, "forgeq"));
  linkPackages(TOOLS, modules);
  linkPackages(join(ROOT, "node_modules"), modules);

  const node = (args: readonly string[], which = process.execPath) => run(which, args, service);
  const forgeq = (...args: string[]) => node([join(modules, "forgeq", "bin", "forgeq.js"), ...args]);
  const readTemplate = (file: string): Template => JSON.parse(readFileSync(join(service, file), "utf8")) as Template;
  const packageService = async (stage = "dev", which = process.execPath) => {
    const { stdout, stderr } = await node(
      [join(modules, "serverless", "bin", "serverless.js"), "package", "--stage", stage],
      which,
    );
    return { said: stdout + stderr, template: readTemplate(".serverless/cloudformation-template-update-stack.json") };
  };
  return {
    folder: service,
    write,
    node,
    forgeq,
    readTemplate,
    /** What `serverless package` makes of the serverless.yml that is there. */
    packageService,
    /** What it makes of another one. */
    serverless: async (yml: string, { stage = "dev", with: which = process.execPath } = {}) => {
      write("serverless.yml", yml);
      return packageService(stage, which);
    },
    /** What the validator of CloudFormation finds wrong in a template of the service: FATAL and ERROR. */
    problemsOf: (file: string): string[] => {
      const engine = new RegoEngine();
      try {
        const { diagnostics } = engine.validateStandard(new TemplateFile(join(service, file)), {
          severityLevel: "ERROR",
        });
        return diagnostics.map(({ ruleId, message }) => `${ruleId}: ${message}`);
      } finally {
        engine.free();
      }
    },
  };
};

export const functionNames = ({ Resources }: Template): string[] =>
  Object.values(Resources)
    .filter(({ Type }) => Type === "AWS::Lambda::Function")
    .map(({ Properties }) => String(Properties?.["FunctionName"]))
    .sort();
