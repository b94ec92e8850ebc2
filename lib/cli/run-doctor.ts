import { namesOf } from "../core/aliases.ts";
import { connection, readConfig, rolePrefix } from "../runtime.ts";
import { examine } from "./checks.ts";
import type { GlobalOptions } from "./command.ts";
import type { RoleCheckOptions } from "./role-check.ts";
import { openDatabase } from "./database.ts";
import { projectDefinitions } from "./project.ts";
import { paint, print, printable, printJson, say } from "./terminal.ts";

const MARKS = {
  ok: ["green", "ok"],
  warning: ["yellow", "warning"],
  problem: ["red", "problem"],
} as const;

/** `forgeq doctor`: every check with what it found and, where that is not well, its cure. Exit 1 when there is a problem. */
export const runDoctor = async (
  options: Pick<RoleCheckOptions, "part"> & { readonly connections?: number } & GlobalOptions,
): Promise<void> => {
  const database = await openDatabase(options, { migrate: "schema", part: "owner" });
  try {
    const { jobs } = await projectDefinitions();
    const findings = await examine(
      await connection(),
      jobs.flatMap(namesOf),
      readConfig().wakeMode,
      {
        ...(options.part && { part: options.part }),
        ...(options.connections !== undefined && { connections: options.connections }),
        ...rolePrefix(),
      },
      readConfig().owner,
    );
    for (const finding of findings) {
      const { check, level, found, cure } = finding;
      if (options.json === true) {
        printJson(finding);
        continue;
      }
      const [style, word] = MARKS[level];
      print(`${paint(style, word.padEnd(8))} ${check.padEnd(18)} ${printable(found)}`);
      if (cure !== undefined && cure !== "") print(`${" ".repeat(28)}${paint("bold", "cure:")} ${printable(cure)}`);
    }
    const problems = findings.filter(({ level }) => level === "problem").length;
    say(problems === 0 ? "All is well." : `${problems} ${problems === 1 ? "problem" : "problems"}.`);
    if (problems > 0) process.exitCode = 1;
  } finally {
    await database.close();
  }
};
