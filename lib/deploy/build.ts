/** Bundles a project's functions, each into a folder of its own: `.forgeq/build/KEY/index.mjs`. */
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { BuildFailure, BuildOptions, Plugin } from "esbuild";
import { messageOf } from "../core/reason.ts";
import { importFile } from "../project/config.ts";
import type { FoundJob } from "../project/find-jobs.ts";
import { missingPackage } from "../project/package-manager.ts";
import { ProjectError } from "../project/project-error.ts";
import { writeEntries } from "./entries.ts";
import { jsonSchemaLater } from "./json-schema-later.ts";
import { writeManifest } from "./manifest.ts";

export const BUILD_FOLDER = join(".forgeq", "build");

/** The files in the package that browsers get: of the dashboard, and of the page of the API. */
const PAGES = ["dashboard", "reference"].map((name) => ({
  name,
  from: fileURLToPath(new URL(`../../${name}/`, import.meta.url)),
}));

const esbuild = async (root: string): Promise<{ readonly build: (options: BuildOptions) => Promise<unknown> }> => {
  try {
    return await import("esbuild");
  } catch (error) {
    throw new ProjectError(missingPackage("esbuild", root), { cause: error });
  }
};

/** A module of a project, bundled before it is imported: it does not matter then which Node this is, or what it is written in. */
export const loadBundled =
  (root: string) =>
  async <Module>(name: string, url: string): Promise<Module> => {
    const { build } = await esbuild(root);
    const outfile = join(root, ".forgeq", "load", `${name.replaceAll(/\W/g, "_")}.mjs`);
    try {
      await build({
        absWorkingDir: root,
        entryPoints: [fileURLToPath(url)],
        outfile,
        bundle: true,
        platform: "node",
        target: "node20",
        format: "esm",
        packages: "external",
        logLevel: "silent",
      });
    } catch (error) {
      const [reason] = (error as Error).message.split("\n").slice(1);
      throw new ProjectError(`${name} can't be loaded: ${reason ?? (error as Error).message}`, { cause: error });
    }
    return importFile<Module>(name, `${pathToFileURL(outfile).href}?${Date.now()}`);
  };

/**
 * How a function is bundled: a project's, and this repository's own.
 *
 * @param input.root - what the paths are relative to
 * @param input.external - packages that the bundle leaves out
 */
export const bundleOptions = (input: {
  readonly root: string;
  readonly entry: string;
  readonly outdir: string;
  readonly external?: readonly string[];
}): BuildOptions & { readonly plugins: readonly Plugin[] } => ({
  absWorkingDir: input.root,
  entryPoints: { index: input.entry },
  outdir: input.outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  chunkNames: "[name]-[hash]",
  platform: "node",
  target: "node24",
  format: "esm",
  minify: true,
  sourcemap: "linked",
  sourcesContent: false,
  logLevel: "warning",
  // pg's optional native client, which nobody here installs.
  external: ["pg-native", ...(input.external ?? [])],
  // CommonJS packages in an ES module bundle look for require.
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
  plugins: [jsonSchemaLater()],
});

const firstError = (error: unknown): string => {
  const [first] = (error as Partial<BuildFailure>).errors ?? [];
  if (first === undefined) return messageOf(error);
  const place = first.location === null ? "" : `${first.location.file}:${first.location.line}: `;
  return place + first.text;
};

/**
 * Builds every function anew.
 *
 * @param options.external - packages that the bundles leave out
 * @throws {ProjectError} when esbuild is not installed, or what is wrong in the first function that it can't build
 */
export const buildFunctions = async (
  root: string,
  jobs: readonly FoundJob[],
  { external = [] }: { readonly external?: readonly string[] } = {},
): Promise<void> => {
  const { build } = await esbuild(root);
  const folder = join(root, BUILD_FOLDER);
  rmSync(folder, { recursive: true, force: true });
  for (const [key, entry] of writeEntries(root, jobs, { waits: true }))
    await build({ ...bundleOptions({ root, entry, outdir: join(folder, key), external }), logLevel: "error" }).catch(
      (error: unknown) => {
        throw new ProjectError(`the function ${key} can't be built: ${firstError(error)}`, { cause: error });
      },
    );
  for (const { name, from } of PAGES)
    if (existsSync(from)) cpSync(from, join(folder, "api", name), { recursive: true });
  const types = jobs.map(({ definition: { type, aliases = [], timeoutSeconds } }) => ({
    type,
    ...(aliases.length > 0 && { aliases }),
    timeoutSeconds,
  }));
  writeManifest(folder, { jobs: types, zips: {} });
};
