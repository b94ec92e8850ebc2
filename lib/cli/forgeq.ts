#!/usr/bin/env node
/** The `forgeq` command. stdout is data, stderr is messages; exit 0 ok, 1 failure, 2 usage. */
import { enableCompileCache } from "node:module";

// Before anything else is loaded: started by bin/forgeq.js under an older Node, this is the first that can.
enableCompileCache();
const { run } = await import("./run.ts");
process.exitCode = await run(process.argv.slice(2));
