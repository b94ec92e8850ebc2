/** What a build is of, for who prints a plan of it: `.forgeq/build/forgeq.json`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PlanError } from "./plan-error.ts";
import type { PlannedType } from "./plan.ts";

export interface Manifest {
  readonly jobs: readonly PlannedType[];
  /** File names beside it, by function key; none where no zips were made. */
  readonly zips: Readonly<Record<string, string>>;
}

const FILE = "forgeq.json";

export const writeManifest = (folder: string, manifest: Manifest): void =>
  writeFileSync(join(folder, FILE), `${JSON.stringify(manifest, null, 2)}\n`);

/** @throws {PlanError} when nothing was built there, or not to the end */
export const readManifest = (folder: string): Manifest => {
  const file = join(folder, FILE);
  if (!existsSync(file)) throw new PlanError(`nothing was built in ${folder}: run forgeq build first`);
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Manifest;
  } catch (error) {
    throw new PlanError(`${file} can't be read: run forgeq build again`, { cause: error });
  }
};
