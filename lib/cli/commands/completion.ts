import { Argument, type Command } from "commander";
import { withExamples } from "../command.ts";

export const addCompletion = (program: Command): void => {
  const command = program
    .command("completion")
    .description("Print a shell's completion script.")
    .addArgument(new Argument("<shell>", "yours").choices(["bash", "zsh", "fish"]))
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const { completionScript } = await import("../completion.ts");
      process.stdout.write(completionScript(shell, program));
    });
  withExamples(command, [
    ['eval "$(forgeq completion bash)"', "in ~/.bashrc"],
    ["forgeq completion fish | source", "in config.fish"],
  ]);
};
