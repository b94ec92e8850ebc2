// Builds the page of the API into a folder: index.html, a style sheet, and one script with Redoc and what starts it.
import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { removeOthers, writeCompressed } from "../files.mjs";

const SOURCE = dirname(fileURLToPath(import.meta.url));

const redocFolder = () => {
  try {
    return dirname(createRequire(import.meta.url).resolve("redoc/package.json"));
  } catch {
    return null;
  }
};

/** It asks its maker's server for a picture; an address that holds none shows none. */
const LOGO = "https://cdn.redoc.ly/redoc/logo-mini.svg";

const readRedoc = async (folder) => {
  const bundle = await readFile(join(folder, "bundles", "redoc.standalone.js"), "utf8");
  if (!bundle.includes(LOGO)) throw new Error("redoc no longer has the address that is taken out of it");
  const license = await readFile(join(folder, "LICENSE"), "utf8");
  return `/*! Redoc\n${license.trim()}\n*/\n${bundle.replaceAll(LOGO, "data:,")}`;
};

const bundled = async (file) => {
  const { outputFiles } = await build({
    absWorkingDir: SOURCE,
    entryPoints: [file],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "warning",
  });
  return outputFiles[0].text;
};

/** @returns the names and sizes of what was built; none where Redoc is not installed */
export const buildReference = async (outdir) => {
  const folder = redocFolder();
  if (folder === null) {
    console.warn("The page at /docs is left out: npm ci installs redoc, which it is built with.");
    return [];
  }
  const page = `${await readRedoc(folder)}\n;${await bundled("main.ts")}`;
  const style = await bundled("style.css");
  const named = (name, extension, text) =>
    `${name}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}.${extension}`;
  const names = { page: named("page", "js", page), style: named("style", "css", style) };
  const template = await readFile(join(SOURCE, "index.html"), "utf8");
  // The page comes last: who reads it finds what it names.
  const files = new Map([
    [names.page, page],
    [names.style, style],
    ["index.html", template.replaceAll(/\{(\w+)\}/g, (_, name) => `docs/${names[name]}`)],
  ]);
  await mkdir(outdir, { recursive: true });
  const built = [];
  for (const [name, text] of files)
    built.push({ name, ...(await writeCompressed(join(outdir, name), Buffer.from(text))) });
  await removeOthers(outdir, new Set(files.keys()));
  return built;
};

/** Builds it when a source is newer than what was built, or nothing was. */
export const buildReferenceIfChanged = async (outdir) => {
  const built = await stat(join(outdir, "index.html.br")).catch(() => null);
  const sources = ["build.mjs", "index.html", "main.ts", "style.css"].map((file) => join(SOURCE, file));
  const newest = Math.max(...(await Promise.all(sources.map(async (file) => (await stat(file)).mtimeMs))));
  if (built === null || built.mtimeMs < newest) await buildReference(outdir);
};
