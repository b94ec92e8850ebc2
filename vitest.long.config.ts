import { defineConfig } from "vitest/config";

/** The long versions of tests, sized by constants at their top: for a machine of one's own, not for CI. */
export default defineConfig({
  test: {
    include: ["test/long/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
  },
});
