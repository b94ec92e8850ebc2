import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommanderError } from "commander";
import ts from "typescript";
import { expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { createProgram } from "../../lib/cli/program.ts";
import { commandsOf, type Example, examplesIn } from "../support/docs/examples.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The folder of a handler for each page and folder that its examples name, so that pages may use the same names, and that imports lead somewhere.
 */
const placeOf = ({ page, number, text }: Example): string => {
  const named = /^\/\/ functions\/handlers\/(\w+)\/(\S+\.ts)\n/.exec(text);
  const slug = page.replaceAll(/\W/g, "-");
  return join(ROOT, "functions", "handlers", `${slug}-${named?.[1] ?? ""}`, named?.[2] ?? `${number}.ts`);
};

const DECLARATIONS = [
  ...["fragments.d.ts", "peers.d.ts"].map((file) => join(ROOT, "test", "support", "docs", file)),
  join(ROOT, "lib", "cdk", "aws-cdk-lib.d.ts"),
];

/** What examples import from the reader's own code. */
const OWN_MODULES = {
  "images.ts": `export declare const loadImage: (id: string, signal: AbortSignal) => Promise<Buffer | null>;
export declare const saveResized: (image: Buffer, width: number, signal: AbortSignal) => Promise<string>;
`,
};

/** An example may show several files, each below a comment with its name. */
const filesOf = (example: Example): Example[] =>
  example.text
    .split(/^(?=\/\/ \S+\.ts$)/m)
    .map((text, index) => ({ ...example, number: example.number * 10 + index, text }));

it("the examples in TypeScript are what the compiler takes", { timeout: 120_000 }, () => {
  const config = ts.readConfigFile(join(ROOT, "tsconfig.json"), (file) => ts.sys.readFile(file)).config as object;
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const sources = new Map(
    examplesIn("ts")
      .flatMap(filesOf)
      .map((each) => [placeOf(each), each.text]),
  );
  for (const folder of new Set([...sources.keys()].map((file) => dirname(file))))
    for (const [name, text] of Object.entries(OWN_MODULES)) sources.set(join(folder, name), text);
  const paths = {
    forgeq: [join(ROOT, "lib/index.ts")],
    "forgeq/cdk": [join(ROOT, "lib/cdk/construct.ts")],
    "forgeq/job": [join(ROOT, "lib/job.ts")],
    "forgeq/server": [join(ROOT, "lib/server.ts")],
    "forgeq/testing": [join(ROOT, "lib/testing.ts")],
    "forgeq/config": [join(ROOT, "lib/project/config.ts")],
  };
  const settings: ts.CompilerOptions = { ...options, noEmit: true, noUnusedLocals: false, paths };
  const disk = ts.createCompilerHost(settings);
  const folders = new Set([...sources.keys()].map((file) => dirname(file)));
  const host: ts.CompilerHost = {
    ...disk,
    readFile: (file) => sources.get(file) ?? disk.readFile(file),
    fileExists: (file) => sources.has(file) || disk.fileExists(file),
    directoryExists: (folder) => folders.has(folder) || disk.directoryExists?.(folder) === true,
    getSourceFile: (file, language, ...rest) => {
      const text = sources.get(file);
      return text === undefined
        ? disk.getSourceFile(file, language, ...rest)
        : ts.createSourceFile(file, text, language);
    },
  };
  const program = ts.createProgram([...sources.keys(), ...DECLARATIONS], settings, host);
  const found = [...sources.keys()].flatMap((file) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`),
  );
  expect(found).toEqual([]);
});

/** The words of a command, quotes taken off. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, single, double, bare]) => single ?? double ?? bare ?? "");

const isSetting = (word: string): boolean => /^[A-Z_]+=/.test(word);

/** Runs no command: it only takes the command line apart, and refuses what it does not know. */
const refusalOf = (words: readonly string[]): string | null => {
  const program = createProgram();
  const quiet = (command: typeof program): void => {
    command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    command.action(() => undefined);
    command.commands.forEach(quiet);
  };
  quiet(program);
  try {
    program.parse([...words], { from: "user" });
    return null;
  } catch (error) {
    if (error instanceof CommanderError && error.code === "commander.help") return null;
    return String(error);
  }
};

it("the examples of the shell call scripts, commands and options that are there", () => {
  const refused: string[] = [];
  for (const example of [...examplesIn("sh"), ...examplesIn("bash")])
    for (const command of commandsOf(example)) {
      const words = wordsOf(command).filter((word) => !isSetting(word));
      const [first, second, third] = words;
      if (first === "npm" && second === "run" && !(String(third) in packageJson.scripts)) refused.push(command);
      const at = words.findIndex((word) => word === "forgeq");
      const called = at === 0 || (first === "npx" && at === 1);
      if (!called) continue;
      const refusal = refusalOf(words.slice(at + 1));
      if (refusal !== null) refused.push(`${example.page}: ${command}: ${refusal}`);
    }
  expect(refused).toEqual([]);
});
