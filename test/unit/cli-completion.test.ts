import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { completionScript } from "../../lib/cli/completion.ts";
import { createProgram } from "../../lib/cli/program.ts";

/** What a shell makes of a completion script and some more lines. */
const run = (shell: "bash" | "zsh" | "fish", more: string): string[] => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-completion-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "completion");
  writeFileSync(file, completionScript(shell, createProgram()));
  const flags = { bash: ["--norc"], zsh: ["-f"], fish: ["--no-config"] }[shell];
  const { stdout, stderr } = spawnSync(shell, [...flags, "-c", more.replaceAll("FILE", file)], { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.trimEnd().split("\n");
};

const has = (shell: string): boolean => spawnSync(shell, ["-c", ":"]).status === 0;

it("completes commands, options and choices in bash", () => {
  const script = `source FILE
at() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _forgeq; echo "\${COMPREPLY[@]}"; }
at forgeq que; at forgeq queues res; at forgeq jobs list --state de; at forgeq worker --conc`;
  expect(run("bash", script)).toEqual(["queues", "resume reset", "dead", "--concurrency"]);
});

it.runIf(has("zsh"))("completes commands, options and choices in zsh, by its own completion system", () => {
  const script = `autoload -Uz compinit; compinit -D -u; source FILE
_describe() { print -- \${list[1]} }
compadd() { shift; print -- "$@" }
at() { words=("$@"); CURRENT=$#; _forgeq }
at forgeq jobs ''; at forgeq schedules create --overlap ''`;
  const [jobs, overlap] = run("zsh", script);
  expect(jobs).toMatch(/^list:Jobs/);
  expect(overlap).toBe("allow skip queue_one");
});

it.runIf(has("fish"))("completes commands, options and choices in fish", () => {
  const at = (line: string) => run("fish", `source FILE; complete -C '${line}'`).map((found) => found.split("\t")[0]);
  expect(at("forgeq que")).toEqual(["queues"]);
  expect(at("forgeq queues resu")).toEqual(["resume"]);
  expect(at("forgeq jobs list --state de")).toEqual(["dead"]);
  expect(at("forgeq worker --conc")).toEqual(["--concurrency"]);
});
