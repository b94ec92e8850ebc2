import { defineConfig } from "forgeq/config";

export default defineConfig({
  jobs: "src/jobs",
  service: "shop",
});
