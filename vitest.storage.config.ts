import { defineConfig } from "vitest/config";
import { POSTGRES } from "./vitest.config.ts";

/** Tests of test/integration whose outcome no version of Postgres can change, by the reason. They run in `npm test` alone. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  "what a command prints, and how its process starts and ends": [
    "cli/cli-dev",
    "cli/cli-schedules",
    "cli/cli",
    "cli/compile-cache",
    "cli/local-endpoints",
    "cli/migrate-command",
  ],
  "the embedded Postgres, which has a version of its own": ["cli/private-database", "cli/shared-postgres"],
  "what a handler does with the world": [
    "handlers/crawl-page",
    "handlers/crawl-page-failures",
    "handlers/mailbox",
    "handlers/send-email",
  ],
  "processes that end, and virtual time: the calls are those of other tests": [
    "lambda/simulate",
    "worker/worker-process",
    "worker/worker-restarts",
  ],
};

export const LEFT_OUT = Object.values(REASONS).flatMap((files) =>
  files.map((file) => `test/integration/${file}.test.ts`),
);

/** The tests of storage, on the Postgres of FORGEQ_TEST_PG_BIN: `npm run test:storage`. */
export default defineConfig({
  test: {
    include: ["test/integration/**/*.test.ts", "test/property/backoff.test.ts"],
    exclude: ["**/node_modules/**", ...LEFT_OUT],
    ...POSTGRES,
  },
});
