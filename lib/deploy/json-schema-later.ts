/** Zod's conversion to JSON Schema, which documents alone need, in a file of its own beside the bundle: the first call loads it. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { BuildResult, Plugin, PluginBuild } from "esbuild";

const LATER = "json-schema-later";
/** Where zod's parts are, in whichever folder it is installed. */
const CORE = /[\\/]zod[\\/]v4[\\/]core$/;
const PARTS = ["to-json-schema.js", "json-schema-processors.js"];

/** The name of the file beside a bundle. Two copies of zod in a bundle have a file each. */
const fileOf = (core: string): string => {
  const manifest = readFileSync(join(core, "..", "..", "package.json"), "utf8");
  return `json-schema-${(JSON.parse(manifest) as { version: string }).version}.mjs`;
};

const functionsOf = (part: string): readonly string[] =>
  [...readFileSync(part, "utf8").matchAll(/^export (?:function (\w+)|const (\w+) = \()/gm)].map(
    ([, declared, constant]) => declared ?? constant ?? "",
  );

/** The functions of a part under their names. Every schema refers to them, and only a document calls them. */
const laterOf = (part: string): string =>
  [
    `const load = () => require("./${fileOf(dirname(part))}");`,
    ...functionsOf(part).map((name) => `export const ${name} = (...args) => load().${name}(...args);`),
  ].join("\n");

type Whole = BuildResult<{ metafile: true; write: false }>;

/** By zod's folder: the file is the same beside every bundle. */
const built = new Map<string, Promise<Whole>>();

/** The file. It shares no code with a bundle: esbuild would load shared code with the bundle. */
const wholeFile = ({ esbuild, initialOptions: { target } }: PluginBuild, core: string): Promise<Whole> => {
  const whole =
    built.get(core) ??
    esbuild.build({
      stdin: { contents: PARTS.map((part) => `export * from "./${part}";`).join("\n"), resolveDir: core },
      outfile: fileOf(core),
      ...{ bundle: true, minify: true, platform: "node", format: "esm", metafile: true, write: false },
      ...(target !== undefined && { target }),
    });
  built.set(core, whole);
  return whole;
};

/** A plugin of esbuild. */
export const jsonSchemaLater = (): Plugin => ({
  name: LATER,
  setup: (build) => {
    const cores = new Set<string>();
    build.onResolve(
      { filter: /\/(?:to-json-schema|json-schema-processors)\.js$/ },
      ({ path, resolveDir, importer }) => {
        const core = dirname(join(resolveDir, path));
        // The generator needs more of them than functions, and nobody uses it.
        if (!CORE.test(core) || basename(importer) === "json-schema-generator.js") return undefined;
        cores.add(core);
        return { path: join(core, basename(path)), namespace: LATER, sideEffects: false };
      },
    );
    build.onResolve({ filter: /.*/, namespace: LATER }, ({ path }) => ({ path, external: true }));
    build.onLoad({ filter: /.*/, namespace: LATER }, ({ path }) => ({ contents: laterOf(path) }));
    build.onEnd(async ({ errors, metafile }) => {
      if (errors.length > 0) return;
      const { absWorkingDir = "", outdir = "" } = build.initialOptions;
      for (const core of cores) {
        const { outputFiles, metafile: own } = await wholeFile(build, core);
        writeFileSync(resolve(absWorkingDir, outdir, fileOf(core)), outputFiles[0]!.contents);
        if (metafile !== undefined) Object.assign(metafile.outputs, own.outputs);
      }
    });
  },
});
