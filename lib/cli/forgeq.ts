#!/usr/bin/env node
/** The `forgeq` command. stdout is data, stderr is messages; exit 0 ok, 1 failure, 2 usage. */
import { run } from "./run.ts";

process.exitCode = await run(process.argv.slice(2));
