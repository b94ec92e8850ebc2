/** `npm run docs:cli`: writes docs/cli.md. */
import { writeFileSync } from "node:fs";
import { createProgram } from "./program.ts";
import { cliReference } from "./reference.ts";

writeFileSync(new URL("../../docs/cli.md", import.meta.url), cliReference(createProgram()));
