/** This package's; test/unit/openapi.test.ts compares it with package.json. */
export const VERSION = "0.2.0";
