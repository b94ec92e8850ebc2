import { defineConfig } from "vitest/config";
import { SlowestFirst } from "./test/support/slowest-first.ts";
import { POSTGRES } from "./vitest.config.ts";

/** Tests of test/integration whose outcome no version of Postgres can change, by the reason. A new file is not left out. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  "what a command takes and prints, and how its process ends: what it asks of the database is what tests of http, reads and schema ask":
    [
      "cli/bad-input",
      "cli/bulk-bar",
      "cli/bulk-jobs",
      "cli/cli",
      "cli/cli-dev",
      "cli/cli-ids",
      "cli/cli-queues",
      "cli/cli-schedules",
      "cli/compile-cache",
      "cli/dashboard-command",
      "cli/init",
      "cli/keys",
      "cli/local-endpoints",
      "cli/migrate-command",
      "cli/own-project",
      "cli/printed-controls",
      "cli/reach",
      "cli/server-hostile",
      "cli/server-keys",
      "cli/server-killed",
      "cli/tables",
    ],
  "the embedded Postgres, which has a version of its own": [
    "cli/command-roles",
    "cli/private-database",
    "cli/shared-postgres",
    "testing/test-queue",
    "testing/test-runner",
  ],
  "what the API's two servers answer: the reads are those of test/integration/reads": ["http/bounded", "http/checks"],
  "what a handler does with the world": [
    "handlers/crawl-page",
    "handlers/crawl-page-failures",
    "handlers/mailbox",
    "handlers/send-email",
  ],
  "requests that are refused or answered before the database is asked, and how an answer looks": [
    "http/answers-by-key",
    "http/every-status",
    "http/examples",
    "http/pages",
    "http/strangers",
    "server/own-server",
  ],
  "connections that break, and processes that end or stand still: what they call is what tests of protocol call": [
    "drivers/connection-faults",
    "drivers/database-away",
    "drivers/garbage",
    "enqueue/lost-enqueues",
    "enqueue/stalled",
    "lambda/eager-faults",
    "worker/silent-listener",
    "worker/worker-crash",
    "worker/worker-metrics",
    "worker/worker-process",
    "worker/worker-restarts",
  ],
  "who starts a job first, which processes agree on": [
    "enqueue/local-start",
    "enqueue/push",
    "enqueue/push-channel",
    "enqueue/wake-of-a-service",
    "lambda/dispatch-invokes",
    "lambda/simulate",
    "worker/servers-and-workers",
  ],
  "stand-ins of Amazon's services": ["aws/collected-deadlines", "aws/kept-connections", "aws/ssm"],
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
    sequence: { sequencer: SlowestFirst },
  },
});
