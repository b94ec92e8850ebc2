import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../failure.ts";

export interface PackageFile {
  readonly name?: string;
  readonly type?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** @throws {UsageError} when there is none, or when it is not JSON */
export const readPackageFile = (root: string): PackageFile => {
  const file = join(root, "package.json");
  if (!existsSync(file)) throw new UsageError("there is no package.json here: make one with npm init -y");
  try {
    const content: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof content === "object" && content !== null && !Array.isArray(content)) return content;
  } catch {
    // Said below.
  }
  throw new UsageError("package.json does not hold a JSON object: nothing was changed");
};

/** Whether npm has just made it, for the packages that were installed: then it has no kind of modules yet. */
export const isNew = (content: PackageFile): boolean =>
  Object.keys(content).every((key) => key === "dependencies" || key === "devDependencies");

/** Makes a new package one of ES modules, as its .ts files are. */
export const makeModules = (root: string, content: PackageFile): void =>
  writeFileSync(
    join(root, "package.json"),
    `${JSON.stringify({ private: true, type: "module", ...content }, null, 2)}\n`,
  );

/** Whether Node takes the package's .ts files for ES modules. */
export const hasModules = (content: PackageFile): boolean => content.type === "module" || isNew(content);

/** What runs the project's tests; Node's own runner unless it has Vitest. */
export const runnerOf = ({ dependencies = {}, devDependencies = {} }: PackageFile): "node:test" | "vitest" =>
  "vitest" in dependencies || "vitest" in devDependencies ? "vitest" : "node:test";
