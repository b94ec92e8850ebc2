import { defineConfig } from "vitest/config";

/** The packaged functions in a small AWS of the project's own: see test/lambda/README.md. */
export default defineConfig({
  test: {
    include: ["test/lambda/*.test.ts"],
    globalSetup: ["test/lambda/world/global-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
