// Builds the dashboard into a folder of files with hashed names, each also compressed; index.html names them.
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { removeOthers, writeCompressed } from "./files.mjs";

const SOURCE = dirname(fileURLToPath(import.meta.url));
const ENTRIES = { app: "main.tsx", style: "styles/index.css", theme: "theme.js" };

/** The chunks that an entry loads: itself and what it imports statically. */
const firstLoaded = (outputs, file, seen = new Set()) => {
  seen.add(file);
  for (const { kind, path } of outputs[file].imports)
    if (kind === "import-statement" && !seen.has(path)) firstLoaded(outputs, path, seen);
  return seen;
};

/** The page. What the entry imports is named there, so that it is loaded beside the entry and not after it. */
const indexOf = async (outputs, nameOf) => {
  const template = await readFile(join(SOURCE, "index.html"), "utf8");
  const app = nameOf("app");
  const preload = [...firstLoaded(outputs, app)]
    .filter((file) => file !== app)
    .map((file) => `<link rel="modulepreload" href="dashboard/${file}" />`)
    .join("\n    ");
  return Buffer.from(
    template.replaceAll(/\{(\w+)\}/g, (_, entry) => (entry === "preload" ? preload : `dashboard/${nameOf(entry)}`)),
  );
};

/**
 * Builds the dashboard.
 *
 * @returns each file with its bytes, compressed or not, and whether the first view loads it
 */
export const buildDashboard = async (outdir) => {
  const { outputFiles, metafile } = await build({
    absWorkingDir: SOURCE,
    entryPoints: Object.entries(ENTRIES).map(([out, file]) => ({ out, in: join(SOURCE, file) })),
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    minify: true,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  const outputs = Object.fromEntries(
    Object.entries(metafile.outputs).map(([file, output]) => [
      basename(file),
      { ...output, imports: output.imports.map((each) => ({ ...each, path: basename(each.path) })) },
    ]),
  );
  const nameOf = (entry) => Object.keys(outputs).find((file) => outputs[file].entryPoint === ENTRIES[entry]);
  const files = new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
  // The page comes last: who reads it finds what it names.
  files.set("index.html", await indexOf(outputs, nameOf));
  await mkdir(outdir, { recursive: true });
  const overview = Object.keys(outputs).find((file) => outputs[file].entryPoint === "pages/overview.tsx");
  const first = firstLoaded(outputs, overview, firstLoaded(outputs, nameOf("app")));
  for (const entry of ["style", "theme"]) first.add(nameOf(entry));
  first.add("index.html");
  const built = [];
  for (const [name, contents] of files)
    built.push({ name, first: first.has(name), ...(await writeCompressed(join(outdir, name), contents)) });
  await removeOthers(outdir, new Set(files.keys()));
  return built;
};

const newestOf = async (folder) => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Math.max(...(await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs))));
};

/** Builds it when a source is newer than what was built, or nothing was. */
export const buildDashboardIfChanged = async (outdir) => {
  const built = await stat(join(outdir, "index.html.br")).catch(() => null);
  if (built === null || built.mtimeMs < (await newestOf(SOURCE))) await buildDashboard(outdir);
};
