import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../cli/start-local.ts";

const PAGE = readFileSync(join(ROOT, "docs/how-to/transactions.md"), "utf8");

/** The adapters that the page on transactions shows, each with the file that it is to be. */
export const ADAPTERS = [...PAGE.matchAll(/^```ts\n\/\/ (\S+\.ts)\n([\s\S]*?)^```$/gm)].map(
  ([, file = "", text = ""]) => ({ file, text }),
);
