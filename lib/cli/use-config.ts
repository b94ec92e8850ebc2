import type { Command } from "commander";
import { loadConfig } from "../project/load-config.ts";
import { openProject } from "../project/project.ts";
import { configure, isConfigured } from "../runtime.ts";
import { applyConfig } from "./command.ts";
import { useProject } from "./project.ts";

/** The variables that say the same as a setting of the project. */
const VARIABLES = { service: "FORGEQ_SERVICE", stage: "FORGEQ_STAGE", basePath: "FORGEQ_BASE_PATH" } as const;

const optionsOf = (command: Command): string[] => [
  ...command.options.map((option) => option.attributeName()),
  ...command.commands.flatMap(optionsOf),
];

/** Reads the config file, and makes its settings those of this command where neither a flag nor the environment says anything. */
export const useConfig = async (program: Command, command: Command): Promise<void> => {
  const { config } = program.opts<{ config?: string }>();
  const { root, values } = await loadConfig(process.cwd(), new Set(optionsOf(program)), config);
  applyConfig(command, values);
  useProject(openProject(root, values));
  for (const key of ["service", "stage", "basePath"] as const) {
    const value = values[key];
    if (value !== undefined && !isConfigured(VARIABLES[key])) configure({ [VARIABLES[key]]: value });
  }
  // The owner of what is migrated is the one that the deployed functions have.
  if (isConfigured("FORGEQ_STAGE") && !isConfigured("FORGEQ_SERVICE")) {
    const { servedBy } = await import("./init/serverless-file.ts");
    const service = servedBy(root);
    if (service !== undefined) configure({ FORGEQ_SERVICE: service });
  }
};
