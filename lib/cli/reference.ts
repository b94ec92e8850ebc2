import type { Argument, Command, Option } from "commander";
import { examplesOf } from "./command.ts";

const cell = (text: string): string => text.replaceAll("|", "\\|");

const defaultOf = (option: Option): string => {
  if (option.defaultValueDescription !== undefined) return option.defaultValueDescription;
  return option.defaultValue === undefined || typeof option.defaultValue === "boolean"
    ? ""
    : String(option.defaultValue);
};

const optionTable = (options: readonly Option[]): string[] => {
  if (options.length === 0) return [];
  const rows = options.map((option) => {
    const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
    return `| \`${cell(option.flags)}\` | ${cell(option.description + choices)} | ${cell(defaultOf(option))} | ${option.envVar === undefined ? "" : `\`${option.envVar}\``} |`;
  });
  return ["| option | | default | variable |", "| --- | --- | --- | --- |", ...rows, ""];
};

const argumentLine = (argument: Argument): string => {
  const choices = argument.argChoices === undefined ? "" : `: ${argument.argChoices.join(", ")}`;
  return `- \`${argument.required ? `<${argument.name()}>` : `[${argument.name()}]`}\` ${argument.description}${choices}`;
};

const exampleBlock = (command: Command): string[] => {
  const examples = examplesOf(command).map(([line, what]) => (what === "" ? line : `${line} # ${what}`));
  return examples.length === 0 ? [] : ["```sh", ...examples, "```", ""];
};

const section = (command: Command, path: string): string[] => [
  `## ${path}`,
  "",
  command.description(),
  "",
  ...exampleBlock(command),
  ...(command.registeredArguments.length === 0 ? [] : [...command.registeredArguments.map(argumentLine), ""]),
  ...optionTable(command.options.filter(({ hidden }) => !hidden)),
  ...command.commands.flatMap((each) => section(each, `${path} ${each.name()}`)),
];

/** docs/cli.md: every command, from the commands themselves. */
export const cliReference = (program: Command): string =>
  [
    "# The command line",
    "",
    "This page is for people at a terminal, and for scripts: every command and option of `forgeq`.",
    "",
    "<!-- Made by `npm run docs:cli` from lib/cli. Do not edit. -->",
    "",
    "`npx forgeq` works in a clone after `npm ci`. Data goes to stdout, messages to stderr; exit code 0 is success, 1 a failure, 2 a wrong",
    "command line. Flags win over the environment, the environment over the config file: `forgeq.config.ts`, `.js`, `.mjs` or `.json`, an object",
    "whose keys are the options' names in camel case. Without `DATABASE_URL` commands share the embedded Postgres of `.forgeq/`: the",
    "first one starts it, the last one out stops it. `NO_COLOR` is respected.",
    "",
    ...exampleBlock(program),
    "Every command takes:",
    "",
    ...optionTable(program.options),
    ...program.commands.flatMap((each) => section(each, `forgeq ${each.name()}`)),
  ].join("\n");
