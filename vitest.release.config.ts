import { defineConfig } from "vitest/config";

/** The code of the last release on the newest schema: see test/release/README.md. */
export default defineConfig({
  test: {
    include: ["test/release/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 240_000,
    hookTimeout: 60_000,
  },
});
