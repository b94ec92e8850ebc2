/** `npm run docs`: brings the parts of the docs that are made from the code up to date. */
import { writeFileSync } from "node:fs";
import { bringUpToDate, FILES } from "./parts.ts";

for (const file of FILES) writeFileSync(file, await bringUpToDate(file));
