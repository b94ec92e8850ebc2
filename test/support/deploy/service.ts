/** A service of somebody else's that has the package installed. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
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

/** Makes the service in a folder, with the package as it is published. */
export const makeService = async (folder: string) => {
  const service = join(folder, "store");
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(service, file)), { recursive: true });
    writeFileSync(join(service, file), text);
  };
  for (const [file, text] of Object.entries(FILES)) write(file, text);
  const stage = join(folder, "stage");
  await run(process.execPath, [join(ROOT, "packaging", "stage.mjs"), stage], ROOT);
  const modules = join(service, "node_modules");
  cpSync(stage, join(modules, "forgeq"), { recursive: true });
  linkPackages(TOOLS, modules);
  linkPackages(join(ROOT, "node_modules"), modules);

  const node = (args: readonly string[], which = process.execPath) => run(which, args, service);
  const forgeq = (...args: string[]) => node([join(modules, "forgeq", "bin", "forgeq.js"), ...args]);
  const readTemplate = (file: string): Template => JSON.parse(readFileSync(join(service, file), "utf8")) as Template;
  return {
    folder: service,
    write,
    node,
    forgeq,
    readTemplate,
    /** What `serverless package` makes of a serverless.yml. */
    serverless: async (yml: string, { stage: name = "dev", with: which = process.execPath } = {}) => {
      write("serverless.yml", yml);
      const { stdout, stderr } = await node(
        [join(modules, "serverless", "bin", "serverless.js"), "package", "--stage", name],
        which,
      );
      return { said: stdout + stderr, template: readTemplate(".serverless/cloudformation-template-update-stack.json") };
    },
  };
};
