import type { Deps } from "../queue/deps.ts";

/** Names of functions that nobody has deployed. */
export const TEST_CONFIG: Deps["config"] = {
  service: "forgeq",
  stage: "test",
  wakeMode: "always",
  dispatcherFunction: null,
  handlerFunction: (type) => `forgeq-test-handler-${type}`,
};
