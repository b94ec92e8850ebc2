/** A service of somebody else's that has the package installed. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { RegoEngine, TemplateFile } from "@aws/cloudformation-validate";
import { inject } from "vitest";
import { withFileLock } from "../../../lib/local/file-lock.ts";
import { ROOT } from "../cli/start-local.ts";
import type { AnyResource } from "./templates.ts";
import { CODE_CACHE } from "../code-cache.ts";

/** Installed by .ci/run: CDK, and a bundler of the Serverless Framework. */
export const TOOLS = join(ROOT, "test", "tools", "cdk", "node_modules");

export interface Template {
  readonly Resources: Readonly<Record<string, AnyResource>>;
}

const run = async (node: string, args: readonly string[], cwd: string) =>
  promisify(execFile)(node, args, {
    cwd,
    env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`, HOME: cwd, ...CODE_CACHE },
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

export interface Packed {
  /** The folder that the package is packed from. */
  readonly stage: string;
  readonly tarball: string;
}

/** The package, staged and packed by the first test of a run that needs it, once for all of them. */
export const packForgeq = async (): Promise<Packed> => {
  const folder = join(inject("sharedFolder"), "package");
  const stage = join(folder, "stage");
  const done = join(folder, "tarball");
  return withFileLock(`${folder}.lock`, async () => {
    if (!existsSync(done)) {
      await run(process.execPath, [join(ROOT, "packaging", "stage.mjs"), stage], ROOT);
      const { stdout } = await run("npm", ["pack", "--silent", stage], folder);
      writeFileSync(done, join(folder, stdout.trim().split("\n").at(-1)!));
    }
    return { stage, tarball: readFileSync(done, "utf8") };
  });
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
 */
export const makeService = async (folder: string, options: { example?: string } = {}) => {
  const service = join(folder, "store");
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(service, file)), { recursive: true });
    writeFileSync(join(service, file), text);
  };
  if (options.example === undefined) for (const [file, text] of Object.entries(FILES)) write(file, text);
  else cpSync(options.example, service, { recursive: true });
  const modules = join(service, "node_modules");
  await unpack((await packForgeq()).tarball, join(modules, "forgeq"));
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
