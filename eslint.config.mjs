import { existsSync } from "node:fs";
import tseslint from "typescript-eslint";

const CLOCK = { object: "Date", property: "now", message: "Postgres' clock decides; performance.now() measures." };
const ENV = {
  object: "process",
  property: "env",
  message: "lib/runtime.ts and the settings.ts of a handler's folder are the only readers of the environment.",
};

// Its types need the peers, which only a benchmark run or .ci/run installs.
const bench = existsSync(new URL("bench/node_modules", import.meta.url)) ? [] : ["bench/"];

export default tseslint.config(
  {
    ignores: [
      ...bench,
      // Its packages are installed by a test alone.
      "examples/",
      "dist/",
      ".package/",
      ".build/",
      ".forgeq/",
      ".serverless/",
      ".serverless-offline/",
      "node_modules/",
    ],
  },
  {
    files: ["**/*.{ts,tsx}"],
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
    // Postgres' clock decides, and nobody but runtime.ts and the handlers' settings.ts reads the environment.
    files: ["lib/{core,db,queue,http,aws,functions}/**/*.ts", "functions/**/*.ts"],
    ignores: ["lib/core/uuid.ts"],
    rules: {
      "no-restricted-properties": ["error", CLOCK, ENV],
      "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true } }],
    },
  },
  {
    files: ["functions/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["**/lib/runtime.ts"], importNames: ["setting", "secret"], message: ENV.message }] },
      ],
    },
  },
  {
    files: ["functions/handlers/*/settings.ts"],
    rules: { "no-restricted-imports": "off", "no-restricted-properties": ["error", CLOCK] },
  },
  {
    // Types of the browser's driver, which is installed for these tests alone: without it they are unknown.
    files: ["test/dashboard/**/*.ts"],
    rules: { "@typescript-eslint/no-redundant-type-constituents": "off" },
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
