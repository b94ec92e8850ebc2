// Zod's conversion to JSON Schema, which documents alone need, in a file of its own beside the bundle: the first call loads it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

const NAME = "json-schema";
const CORE = join(dirname(createRequire(import.meta.url).resolve("zod")), "v4", "core");
const FILES = ["to-json-schema.js", "json-schema-processors.js"].map((file) => join(CORE, file));

const namesOf = (file) =>
  [...readFileSync(file, "utf8").matchAll(/^export (?:const|function) (\w+)/gm)].map(([, name]) => name);

/** The functions of a file under their names, which need the file when they are called. A schema refers to them all, and calls none. */
const laterOf = (file) =>
  [
    `const load = () => require("./${NAME}.mjs");`,
    ...namesOf(file).map((name) => `export const ${name} = (...args) => load().${name}(...args);`),
  ].join("\n");

export const jsonSchemaEntry = { [NAME]: `${NAME}:all` };

/** The plugin. A bundle needs `jsonSchemaEntry` among its entry points, too. */
export const jsonSchemaLater = {
  name: NAME,
  setup: (build) => {
    build.onResolve({ filter: /\/(?:to-json-schema|json-schema-processors)\.js$/ }, ({ path, importer }) =>
      importer === join(dirname(CORE), "classic", "schemas.js")
        ? { path: join(CORE, basename(path)), namespace: NAME, sideEffects: false }
        : undefined,
    );
    build.onResolve({ filter: new RegExp(`^${NAME}:all$`) }, () => ({ path: "all", namespace: NAME }));
    build.onResolve({ filter: /.*/, namespace: NAME }, ({ path, kind }) =>
      kind === "require-call" ? { path, external: true } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: NAME }, ({ path }) => ({
      contents:
        path === "all" ? FILES.map((file) => `export * from ${JSON.stringify(file)};`).join("\n") : laterOf(path),
      resolveDir: CORE,
    }));
  },
};
