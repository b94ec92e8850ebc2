import type { Command, Option } from "commander";

/** A command as its completion sees it: the words after `forgeq`, what may follow them, and the options. */
interface Node {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

const visible = (command: Command): readonly Option[] => command.options.filter(({ hidden }) => !hidden);

const nodesOf = (program: Command, command: Command = program, path: readonly string[] = []): Node[] => {
  const options = [...visible(command), ...(command === program ? [] : visible(program))];
  const node: Node = {
    path: path.join(" "),
    words: [
      ...command.commands.map((each) => ({ word: each.name(), about: each.description() })),
      ...options.flatMap(({ long, description }) => (long == null ? [] : [{ word: long, about: description }])),
      { word: "--help", about: "how it is used" },
    ],
    choices: new Map(
      options.flatMap(({ long, argChoices }) => (long == null || argChoices === undefined ? [] : [[long, argChoices]])),
    ),
  };
  return [node, ...command.commands.flatMap((each) => nodesOf(program, each, [...path, each.name()]))];
};

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The arms of a shell's `case` that follow the words before the cursor from command to command. */
const steps = (nodes: readonly Node[]): string =>
  nodes
    .filter(({ path }) => path !== "")
    .map(({ path }) => `      ${quote(path.includes(" ") ? path : ` ${path}`)}) at=${quote(path)} ;;`)
    .join("\n");

/** One arm for each option that takes one of a few words. */
const choiceArms = (nodes: readonly Node[], then: (words: readonly string[]) => string): string =>
  nodes
    .flatMap(({ path, choices }) =>
      [...choices].map(([option, list]) => `    ${quote(`${path}:${option}`)}) ${then(list)} ;;`),
    )
    .join("\n");

const wordArms = (nodes: readonly Node[], then: (words: Node["words"]) => string): string =>
  nodes.map(({ path, words }) => `    ${quote(path)}) ${then(words)} ;;`).join("\n");

const bash = (nodes: readonly Node[]): string => `# bash completion of forgeq: eval "$(forgeq completion bash)"
_forgeq() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at= each words=
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $each" in
${steps(nodes)}
    esac
  done
  case "$at" in
${wordArms(nodes, (words) => `words=${quote(words.map(({ word }) => word).join(" "))}`)}
  esac
  case "$at:$before" in
${choiceArms(nodes, (words) => `words=${quote(words.join(" "))}`)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _forgeq forgeq
`;

// Not `path`: in zsh that is the shell's own search path.
const zsh = (nodes: readonly Node[]): string => `#compdef forgeq
# zsh completion of forgeq: eval "$(forgeq completion zsh)"
_forgeq() {
  local at='' each
  local -a list
  for each in "\${words[@]:1:$((CURRENT - 2))}"; do
    case "$at $each" in
${steps(nodes)}
    esac
  done
  case "$at:\${words[CURRENT-1]}" in
${choiceArms(nodes, (words) => `compadd -- ${words.join(" ")}; return`)}
  esac
  case "$at" in
${wordArms(nodes, (words) => `list=(${words.map(({ word, about }) => quote(`${word.replaceAll(":", "\\:")}:${about}`)).join(" ")})`)}
  esac
  _describe forgeq list || _files
}
compdef _forgeq forgeq
`;

const fish = (nodes: readonly Node[]): string => {
  const lines = nodes.flatMap(({ path, words, choices }) => {
    const names = path.split(" ").filter(Boolean);
    const last = nodes
      .filter((node) => node.path.startsWith(`${path} `) || (path === "" && node.path !== ""))
      .map((node) => node.path.split(" ")[names.length]);
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`).join("; and ");
    const open = last.length === 0 ? "" : `not __fish_seen_subcommand_from ${[...new Set(last)].join(" ")}`;
    const condition = quote([seen, open].filter(Boolean).join("; and "));
    return words.map(({ word, about }) =>
      word.startsWith("--")
        ? `complete -c forgeq -n ${condition} -l ${word.slice(2)} -d ${quote(about)}${choices.has(word) ? ` -x -a ${quote((choices.get(word) ?? []).join(" "))}` : ""}`
        : `complete -c forgeq -f -n ${condition} -a ${word} -d ${quote(about)}`,
    );
  });
  return `# fish completion of forgeq: forgeq completion fish | source\n${lines.join("\n")}\n`;
};

const SHELLS = { bash, zsh, fish } as const;

/** A shell's script that completes the commands and options of a program. */
export const completionScript = (shell: keyof typeof SHELLS, program: Command): string =>
  SHELLS[shell](nodesOf(program));
