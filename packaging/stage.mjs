// Makes .package/, or the folder that is named, which the npm package is packed from: the library as modules with types for import and require, the
// command line as one file, and a package.json that names what these import. The repository's own package.json has more, for its own functions.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { buildDashboard } from "../dashboard/build.mjs";
import { buildReference } from "../dashboard/reference/build.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
if (process.argv[2]?.startsWith("-")) {
  const asked = ["--help", "-h"].includes(process.argv[2]);
  console[asked ? "log" : "error"](
    "usage: npm run build:package [-- FOLDER]; FOLDER is .package where it is not given",
  );
  process.exit(asked ? 0 : 2);
}
const STAGE = resolve(process.argv[2] ?? join(ROOT, ".package"));
const DIST = join(STAGE, "dist");
const COPIED = ["bin", "migrations", "LICENSE", "README.md", "CHANGELOG.md"];

const readJson = (...path) => JSON.parse(readFileSync(join(ROOT, ...path), "utf8"));
const own = readJson("package.json");
const manifest = readJson("packaging", "manifest.json");

const filesOf = (folder, ending) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file));

/** The library, a module for each of its sources, with types for ES modules and, the same once more, for CommonJS. */
const writeLibrary = () => {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  execFileSync(process.execPath, [tsc, "-p", "tsconfig.build.json", "--outDir", DIST], { cwd: ROOT, stdio: "inherit" });
  for (const file of filesOf(DIST, ".d.ts")) {
    const text = readFileSync(file, "utf8");
    const to = (extension) => text.replaceAll(/((?:from |import\()"\.{1,2}\/[^"]+)\.ts"/g, `$1${extension}"`);
    writeFileSync(file, to(".js"));
    writeFileSync(file.replace(/\.d\.ts$/, ".d.cts"), to(".cjs"));
  }
};

/** What `require` gives is what `import` gives: there is one copy of the library in a process. */
const writeRequired = () => {
  for (const module of Object.values(manifest.exports).flatMap(modulesOf)) {
    const file = join(DIST, module);
    const built = `require("./${file.split("/").at(-1)}.js")`;
    // A plugin is the default export alone, which its types say, too.
    const isDefault = /^export default /m.test(readFileSync(`${file}.js`, "utf8"));
    writeFileSync(`${file}.cjs`, isDefault ? `exports.default = ${built}.default;\n` : `module.exports = ${built};\n`);
  }
};

/** The modules that an export stands for: all of a folder, where it ends in a star. */
const modulesOf = (target) => {
  if (!target.endsWith("/*")) return [target];
  const folder = target.slice(0, -2);
  return readdirSync(join(DIST, folder))
    .filter((name) => name.endsWith(".js"))
    .map((name) => `${folder}/${name.slice(0, -3)}`);
};

/** The command line as one file with its libraries. The library lies beside it and is not in it: handlers of a project use the same copy. */
const writeCommand = () =>
  build({
    absWorkingDir: ROOT,
    entryPoints: ["lib/cli/forgeq.ts"],
    outfile: join(DIST, "lib", "cli", "forgeq.js"),
    bundle: true,
    platform: "node",
    target: "node22",
    format: "esm",
    logLevel: "warning",
    banner: {
      js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
    },
    plugins: [{ name: "library-outside", setup: keepOutside }],
  });

const keepOutside = (esbuild) => {
  const cli = join(ROOT, "lib", "cli");
  esbuild.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir }) => {
    if (!resolveDir.startsWith(cli)) return undefined;
    const file = relative(cli, resolve(resolveDir, path));
    if (!file.startsWith("..")) return undefined;
    const built = file.replace(/\.ts$/, ".js");
    if (!existsSync(resolve(DIST, "lib", "cli", built)))
      throw new Error(`tsconfig.build.json leaves out lib/cli/${file}`);
    return { path: built, external: true };
  });
};

/** The packages that the staged code imports, without those that a peer brings. */
const importedPackages = () => {
  const names = new Set();
  for (const file of filesOf(DIST, ".js")) {
    // The command's own libraries are in it.
    if (file.endsWith("cli/forgeq.js")) continue;
    for (const [, from] of readFileSync(file, "utf8").matchAll(/(?:\bfrom |\bimport\(|^import )"([^"./][^"]*)"/gm)) {
      // Sources that it writes for a project import the package itself.
      if (isBuiltin(from) || from.startsWith("forgeq/")) continue;
      names.add(
        from
          .split("/")
          .slice(0, from.startsWith("@") ? 2 : 1)
          .join("/"),
      );
    }
  }
  return [...names].filter((name) => manifest.peerDependencies[name] === undefined).sort();
};

const withTypes = (module) => ({
  import: { types: `./dist/${module}.d.ts`, default: `./dist/${module}.js` },
  require: { types: `./dist/${module}.d.cts`, default: `./dist/${module}.cjs` },
});

const writeManifest = () => {
  const versions = { ...own.devDependencies, ...own.dependencies };
  const dependencies = Object.fromEntries(importedPackages().map((name) => [name, `^${versions[name]}`]));
  const { version, description, license, engines } = own;
  const content = {
    name: "forgeq",
    version,
    description,
    keywords: ["job queue", "postgres", "neon", "lambda", "serverless", "background jobs", "cron"],
    license,
    type: "module",
    sideEffects: false,
    engines,
    bin: own.bin,
    exports: {
      ...Object.fromEntries(Object.entries(manifest.exports).map(([name, module]) => [name, withTypes(module)])),
      "./package.json": "./package.json",
    },
    dependencies,
    peerDependencies: manifest.peerDependencies,
    peerDependenciesMeta: Object.fromEntries(
      Object.keys(manifest.peerDependencies).map((name) => [name, { optional: true }]),
    ),
  };
  writeFileSync(join(STAGE, "package.json"), `${JSON.stringify(content, null, 2)}\n`);
};

rmSync(STAGE, { recursive: true, force: true });
mkdirSync(STAGE, { recursive: true });
writeLibrary();
await writeCommand();
writeRequired();
writeManifest();
await buildDashboard(join(DIST, "dashboard"));
await buildReference(join(DIST, "reference"));
for (const name of COPIED) cpSync(join(ROOT, name), join(STAGE, name), { recursive: true });
// It starts the repository, not the package.
rmSync(join(STAGE, "bin", "start.js"));
