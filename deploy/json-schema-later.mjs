// Zod's conversion to JSON Schema, which documents alone need, in a file of its own beside the bundle: the first call loads it.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";

const FILE = "json-schema.mjs";
const LATER = "json-schema-later";
const CORE = join(dirname(createRequire(import.meta.url).resolve("zod")), "v4", "core");
const PARTS = ["to-json-schema.js", "json-schema-processors.js"].map((part) => join(CORE, part));

const functionsOf = (part) =>
  [...readFileSync(part, "utf8").matchAll(/^export (?:function (\w+)|const (\w+) = \()/gm)].map(
    ([, declared, constant]) => declared ?? constant,
  );

/** The functions of a part under their names. Every schema refers to them, and only a document calls them. */
const laterOf = (part) =>
  [
    `const load = () => require("./${FILE}");`,
    ...functionsOf(part).map((name) => `export const ${name} = (...args) => load().${name}(...args);`),
  ].join("\n");

let built;

/** The file, which is the same beside every bundle. It shares no code with them: esbuild would load shared code with the bundle. */
const wholeFile = (build) =>
  (built ??= build.esbuild.build({
    stdin: { contents: PARTS.map((part) => `export * from ${JSON.stringify(part)};`).join("\n"), resolveDir: CORE },
    outfile: FILE,
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: build.initialOptions.target,
    metafile: true,
    write: false,
  }));

/** A plugin of esbuild. */
export const jsonSchemaLater = {
  name: LATER,
  setup: (build) => {
    build.onResolve({ filter: /\/(?:to-json-schema|json-schema-processors)\.js$/ }, ({ path, resolveDir, importer }) =>
      // Nobody uses the generator, which needs more of them than functions.
      join(resolveDir, path).startsWith(CORE) && basename(importer) !== "json-schema-generator.js"
        ? { path: join(CORE, basename(path)), namespace: LATER, sideEffects: false }
        : undefined,
    );
    build.onResolve({ filter: /.*/, namespace: LATER }, ({ path }) => ({ path, external: true }));
    build.onLoad({ filter: /.*/, namespace: LATER }, ({ path }) => ({ contents: laterOf(path) }));
    build.onEnd(async ({ errors, metafile }) => {
      if (errors.length > 0) return;
      const { outputFiles, metafile: own } = await wholeFile(build);
      const { absWorkingDir, outdir } = build.initialOptions;
      writeFileSync(join(resolve(absWorkingDir, outdir), FILE), outputFiles[0].contents);
      Object.assign(metafile.outputs, own.outputs);
    });
  },
};
