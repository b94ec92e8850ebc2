// Builds one small bundle per function into .build/<function>/, and the registry of job types from the handlers' folders.
import { cpSync, readdirSync, existsSync, writeFileSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { context } from "esbuild";
import { buildDashboard } from "./dashboard/build.mjs";
import { buildReference } from "./dashboard/reference/build.mjs";
import { bundleOptions } from "./lib/deploy/build.ts";

const ROOT = dirname(fileURLToPath(import.meta.url));
const HANDLERS = join(ROOT, "functions", "handlers");
const FUNCTIONS = ["enqueue", "api", "dispatcher", "scheduler", "failed-invocation"];
/** Minified kilobytes that a function may load before its first request, and have in all. Raised by hand, with a reason. */
const BUDGET = join(ROOT, "deploy", "bundle-budget.json");

/** The job types: the folders of functions/handlers that hold a job.ts. */
export const jobTypes = () =>
  readdirSync(HANDLERS, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(HANDLERS, entry.name, "job.ts")))
    .map((entry) => entry.name)
    .sort();

const camelCase = (type) => type.replace(/[-_]+(.)/g, (_, letter) => letter.toUpperCase());

/** functions/registry.ts as it must be. A job.ts exports its definition under the type's name in camel case. */
export const registrySource = () => {
  const types = jobTypes();
  return [
    "// Made by esbuild.config.mjs from the folders of functions/handlers. Do not edit.",
    ...types.map((type) => `import { ${camelCase(type)} } from "./handlers/${type}/job.ts";`),
    "",
    "/** Every job type of this project. */",
    `export const jobs = [${types.map(camelCase).join(", ")}] as const;`,
    "",
  ].join("\n");
};

const writeRegistry = () => {
  const file = join(ROOT, "functions", "registry.ts");
  const source = registrySource();
  if (!existsSync(file) || readFileSync(file, "utf8") !== source) writeFileSync(file, source);
};

const entryPoints = () => ({
  ...Object.fromEntries(FUNCTIONS.map((name) => [name, join(ROOT, "functions", `${name}.ts`)])),
  ...Object.fromEntries(jobTypes().map((type) => [`handler-${type}`, join(HANDLERS, type, "handler.ts")])),
});

/** Bytes that an output loads before it runs: itself and what it imports statically. */
const loadedBytes = (outputs, file, seen = new Set()) => {
  if (seen.has(file)) return 0;
  seen.add(file);
  return outputs[file].imports
    .filter((each) => each.kind === "import-statement" && outputs[each.path] !== undefined)
    .reduce((sum, each) => sum + loadedBytes(outputs, each.path, seen), outputs[file].bytes);
};

const sizesOf = (name, { outputs }) => {
  const code = Object.entries(outputs).filter(([file]) => file.endsWith(".mjs"));
  const [entry] = code.find(([, { entryPoint }]) => entryPoint?.startsWith(`${PREPARED}:`));
  return { name, loaded: loadedBytes(outputs, entry), total: code.reduce((sum, [, output]) => sum + output.bytes, 0) };
};

const PREPARED = "prepared";

/** The entry of a bundle: a function, and what it does before its first event. */
const prepared = {
  name: PREPARED,
  setup: (build) => {
    build.onResolve({ filter: /^prepared:/ }, ({ path }) => ({
      path: path.slice(PREPARED.length + 1),
      namespace: PREPARED,
    }));
    build.onLoad({ filter: /.*/, namespace: PREPARED }, ({ path }) => ({
      contents: `export { handler } from ${JSON.stringify(path)};
import { prepare } from ${JSON.stringify(join(ROOT, "lib", "init-phase.ts"))};
await prepare();`,
      resolveDir: ROOT,
    }));
  },
};

const contextFor = (name, entry, onEnd, outdir = join(ROOT, ".build")) => {
  const options = bundleOptions({ root: ROOT, entry: `${PREPARED}:${entry}`, outdir: join(outdir, name) });
  const ended = { name: "on-end", setup: (build) => build.onEnd((result) => onEnd?.(name, result)) };
  return context({ ...options, metafile: true, plugins: [prepared, ...options.plugins, ended] });
};

/** Builds one function as all are built, into `<outdir>/<name>/index.mjs`. */
export const buildOne = async ({ name, entry, outdir }) => {
  const esbuild = await contextFor(name, entry, undefined, outdir);
  await esbuild.rebuild();
  await esbuild.dispose();
  return join(outdir, name, "index.mjs");
};

/** What browsers get, once for a server that runs from the sources, and once beside the function that serves it. */
const addPages = async (outdir = join(ROOT, ".build")) => {
  await buildDashboard(join(outdir, "dashboard"));
  await buildReference(join(outdir, "reference"));
  for (const pages of ["dashboard", "reference"])
    if (existsSync(join(outdir, pages))) cpSync(join(outdir, pages), join(outdir, "api", pages), { recursive: true });
};

/**
 * Builds every function, the dashboard and the page of the API. With `watch` it goes on rebuilding until `dispose` is called; `onEnd(name, result)` hears of each build of a function.
 */
export const build = async ({ watch = false, onEnd, outdir } = {}) => {
  writeRegistry();
  const contexts = await Promise.all(
    Object.entries(entryPoints()).map(async ([name, entry]) => ({
      name,
      esbuild: await contextFor(name, entry, onEnd, outdir),
    })),
  );
  const sizes = [];
  for (const { name, esbuild } of contexts) sizes.push(sizesOf(name, (await esbuild.rebuild()).metafile));
  await addPages(outdir);
  if (watch) for (const { esbuild } of contexts) await esbuild.watch();
  else await Promise.all(contexts.map(({ esbuild }) => esbuild.dispose()));
  return { sizes, dispose: () => Promise.all(contexts.map(({ esbuild }) => esbuild.dispose())) };
};

const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

/** The sizes as a table, and what is too large about them. A function without a budget, as of a new job type, is not held to one. */
export const describeSizes = (sizes, budgets = JSON.parse(readFileSync(BUDGET, "utf8"))) => {
  const row = (name, atInit, inAll) => name.padEnd(26) + atInit.padStart(10) + inAll.padStart(10);
  const above = (name, what, bytes, limit) =>
    bytes > limit * 1024 ? [`${name} ${what} ${kilobytes(bytes)}; at most ${limit} KB are allowed`] : [];
  const problems = sizes.flatMap(({ name, loaded, total }) => {
    const { init = Infinity, all = Infinity } = budgets[name] ?? {};
    return [...above(name, "loads at init", loaded, init), ...above(name, "has in all", total, all)];
  });
  return {
    table: [
      row("minified", "at init", "in all"),
      ...sizes.map(({ name, loaded, total }) => row(name, kilobytes(loaded), kilobytes(total))),
    ].join("\n"),
    problem: problems.length === 0 ? null : [...problems, "See deploy/bundle-budget.json."].join("\n"),
  };
};

const USAGE =
  "usage: npm run build, or npm run build:dashboard [-- FOLDER]; FOLDER is .build/dashboard where it is not given";

const main = async ([part, outdir = join(ROOT, ".build", "dashboard")] = process.argv.slice(2)) => {
  if ([part, outdir].includes("--help")) return console.log(USAGE);
  if (part !== undefined && (part !== "dashboard" || outdir.startsWith("-"))) {
    console.error(USAGE);
    process.exitCode = 2;
    return;
  }
  if (part === "dashboard") {
    await buildDashboard(resolve(outdir));
    return void (await buildReference(join(resolve(outdir), "..", "reference")));
  }
  rmSync(join(ROOT, ".build"), { recursive: true, force: true });
  const { table, problem } = describeSizes((await build()).sizes);
  console.log(table);
  // A test holds ForgeQ's own types to the budgets; who adds a type may have reasons to be above.
  if (problem !== null) console.warn(problem);
};

// No await at the top level: deploy/resources.js is loaded by require, and imports this file.
if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) void main();
