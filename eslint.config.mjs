import { existsSync } from "node:fs";
import tseslint from "typescript-eslint";

const env = (message) => ({ object: "process", property: "env", message });

// Its types need the peers, which only a benchmark run or .ci/run installs.
const bench = existsSync(new URL("bench/node_modules", import.meta.url)) ? [] : ["bench/"];

export default tseslint.config(
  { ignores: [...bench, "dist/", ".build/", ".forgeq/", ".serverless/", ".serverless-offline/", "node_modules/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": [
        "error",
        { fixStyle: "inline-type-imports", prefer: "type-imports" },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      "no-console": "off",
      "no-control-regex": "error",
    },
  },
  {
    // Postgres' clock decides, and runtime.ts is the only reader of the environment.
    files: ["lib/{core,db,queue,http,aws}/**/*.ts", "functions/**/*.ts"],
    ignores: ["lib/core/uuid.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: "Postgres' clock decides; performance.now() measures." },
        env("lib/runtime.ts is the only reader of the environment."),
      ],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/require-await": "off",
      // Tests look into parsed JSON of any shape.
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
);
