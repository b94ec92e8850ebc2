/**
 * Compares two CloudFormation templates resource by resource, whatever their order:
 * `node test/support/deploy/compare-templates.ts BEFORE.json AFTER.json` says how they differ, and ends with 1 when they do.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { type AnyResource, withoutCode } from "./templates.ts";

const read = (file: string): Record<string, AnyResource> => {
  const { Resources } = JSON.parse(readFileSync(file, "utf8")) as { Resources: Record<string, AnyResource> };
  return Object.fromEntries(Object.entries(Resources).map(([id, resource]) => [id, withoutCode(resource)]));
};

const [before, after] = process.argv.slice(2).map(read);
if (before === undefined || after === undefined) {
  console.error("usage: compare-templates.ts BEFORE.json AFTER.json");
  process.exit(2);
}
const ids = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
const different = ids.filter((id) => !isDeepStrictEqual(before[id], after[id]));
for (const id of different)
  console.log(`${id}\n  before ${JSON.stringify(before[id])}\n  after  ${JSON.stringify(after[id])}`);
console.log(`${ids.length} resources, ${different.length} differ`);
process.exitCode = different.length === 0 ? 0 : 1;
