import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./start-local.ts";
import { CODE_CACHE } from "../code-cache.ts";

export interface Resource {
  readonly Type: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- CloudFormation, looked into from all sides
  readonly Properties: any;
  readonly DependsOn?: readonly string[];
}

export interface Packaged {
  readonly resources: Readonly<Record<string, Resource>>;
  /** Of the CloudFormation template. */
  readonly file: string;
  /** Names in a function's artifact. */
  readonly artifact: (key: string) => string[];
}

/** Names in a zip file, from its central directory. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
export const namesInZip = (file: string): string[] => {
  const zip = readFileSync(file);
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  const names: string[] = [];
  for (let at = zip.readUInt32LE(end + 16), left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    names.push(zip.toString("utf8", at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
  }
  return names;
};

/** What `serverless package` makes of the bundles in .build, without an account. */
export const packageService = async (
  folder: string,
  params: Readonly<Record<string, string>> = {},
  stage = "dev",
): Promise<Packaged> => {
  const require = createRequire(join(ROOT, "package.json"));
  const serverless = join(dirname(require.resolve("serverless/package.json")), "bin", "serverless.js");
  const given = Object.entries(params).map(([name, value]) => `--param=${name}=${value}`);
  const env = { PATH: process.env["PATH"], HOME: folder, ...CODE_CACHE };
  await promisify(execFile)(
    process.execPath,
    [serverless, "package", "--stage", stage, "--package", folder, ...given],
    {
      cwd: ROOT,
      env,
    },
  );
  const file = join(folder, "cloudformation-template-update-stack.json");
  const { Resources: resources } = JSON.parse(readFileSync(file, "utf8")) as { Resources: Record<string, Resource> };
  return {
    resources,
    file,
    artifact: (key) => {
      const zip = join(folder, `${key}.zip`);
      return existsSync(zip) ? namesInZip(zip) : [];
    },
  };
};

/** The resource of a type whose property has this value. */
export const find = (
  { resources }: Packaged,
  type: string,
  matches: (properties: Resource["Properties"]) => boolean,
) => {
  const found = Object.entries(resources).filter(([, each]) => each.Type === type && matches(each.Properties));
  if (found.length !== 1) throw new Error(`${found.length} resources of type ${type} match`);
  const [[id, resource]] = found as [[string, Resource]];
  return { id, ...resource };
};

/** An ARN as text, the account's own parts left out: `arn:lambda:function:name`, or `Role.Arn` for an attribute of a resource. */
export const arnText = (value: unknown): string => {
  if (typeof value === "string") return value;
  const { "Fn::GetAtt": attribute } = value as { "Fn::GetAtt"?: readonly string[] };
  if (attribute !== undefined) return attribute.join(".");
  const parts = (value as { "Fn::Join": [string, readonly unknown[]] })["Fn::Join"][1];
  return parts.filter((part) => typeof part === "string" && part !== "").join(":");
};
