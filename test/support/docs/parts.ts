/** The parts of the docs that are made from the code: `npm run docs` writes them, and a test compares. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { TRANSITIONS } from "../../../lib/core/states.ts";
import { functionShapes, PART_KEYS } from "../../../lib/deploy/plan.ts";
import { FUNCTIONS } from "../../../lib/db/schema/privileges.ts";
import { sourcesOf, textOf } from "../sources.ts";
import { sqlFilesOf } from "../sql-sources.ts";
import { fieldsOf } from "./interfaces.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** A function of the protocol, as its file says it. */
interface SqlFunction {
  readonly name: string;
  readonly parameters: readonly string[];
  /** The first sentence of its header. */
  readonly does: string;
  readonly lockOrder: string | null;
  /** The functions that it calls. */
  readonly calls: readonly string[];
}

/** The comment at the top of a file, as one line. */
const headerOf = (sql: string): string => {
  const lines = sql.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("--"));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^-- ?/, ""))
    .join(" ");
};

/** Up to the first stop or colon that stands in no brackets. */
const firstSentenceOf = (text: string): string => /^((?:\([^)]*\)|[^(])*?)[.:?](\s|$)/.exec(text)?.[1] ?? text;

const parametersOf = (sql: string, name: string): string[] => {
  const list = new RegExp(`function forgeq\\.${name}\\(([\\s\\S]*?)\\)\\s*(returns|language)`).exec(sql)?.[1] ?? "";
  return list
    .split(",")
    .map((each) => each.trim())
    .filter((each) => /^\w+ /.test(each) && !/^(in)?out /.test(each))
    .map((each) => (each.includes(" default ") ? `${each.split(" ")[0]}?` : each.split(" ")[0]!));
};

const sqlFunctions = (): SqlFunction[] => {
  const names = Object.keys(FUNCTIONS);
  return sqlFilesOf("migrations/functions")
    .map((file) => ({ name: /(\w+)\.sql$/.exec(file)![1]!, sql: textOf(file) }))
    .filter(({ name }) => names.includes(name))
    .map(({ name, sql }) => {
      const header = headerOf(sql);
      const code = sql.replaceAll(/--.*/g, "");
      const called = new Set([...code.matchAll(/forgeq\.(\w+)\s*\(/g)].map(([, each = ""]) => each));
      return {
        name,
        parameters: parametersOf(sql, name),
        does: firstSentenceOf(header),
        lockOrder: /Locks?(?: order)?: (.*?)\.(\s|$)/.exec(header)?.[1] ?? null,
        calls: names.filter((each) => each !== name && called.has(each)),
      };
    });
};

const stateDiagram = (): string => {
  const moves = new Map<string, string[]>();
  for (const [name, { from, to }] of Object.entries(TRANSITIONS))
    for (const source of from)
      for (const target of to) {
        // A cancel of a job under a lease is a request: the call that ends the attempt makes the move.
        if (source === target || (name === "cancel" && !["scheduled", "pending"].includes(source))) continue;
        if (name === "cancel" && target !== "cancelled") continue;
        const key = `${source} --> ${target}`;
        moves.set(key, [...(moves.get(key) ?? []), name]);
      }
  return [
    "```mermaid",
    "stateDiagram-v2",
    "  [*] --> scheduled: enqueue",
    "  [*] --> pending: enqueue",
    "  scheduled --> pending: due",
    ...[...moves].map(([move, names]) => `  ${move}: ${names.join(", ")}`),
    "```",
  ].join("\n");
};

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "\\<");

const publicFunctions = (): string => {
  const rows = sqlFunctions()
    .filter(({ name }) => FUNCTIONS[name]!.length > 0)
    .map(({ name, parameters, does }) => {
      const roles = FUNCTIONS[name]!.join(", ");
      return `| [\`${name}\`](../../migrations/functions/${name}.sql) | \`${parameters.join(", ")}\` | ${roles} | ${cell(does)}. |`;
    });
  return ["| function | parameters | roles | what it does |", "| --- | --- | --- | --- |", ...rows].join("\n");
};

/** The modules of lib/ that send a call of each function. */
const callersOf = (): Map<string, string[]> => {
  const callers = new Map<string, string[]>();
  for (const file of sourcesOf("lib/db"))
    for (const name of new Set([...textOf(file).matchAll(/forgeq\.(\w+)\s*\(/g)].map(([, each = ""]) => each)))
      callers.set(name, [...(callers.get(name) ?? []), file]);
  return callers;
};

const functionMap = (): string => {
  const callers = callersOf();
  const rows = sqlFunctions()
    .filter(({ name }) => callers.has(name))
    .map(({ name, calls, lockOrder }) => {
      const from = callers.get(name)!.map((file) => `[${file.replace("lib/db/", "")}](../../${file})`);
      return `| \`${name}\` | ${from.join(", ")} | ${calls.map((each) => `\`${each}\``).join(", ")} | ${cell(lockOrder ?? "")} |`;
    });
  return ["| function | called from lib/db | calls | locks, in order |", "| --- | --- | --- | --- |", ...rows].join(
    "\n",
  );
};

/** The parameters of serverless.yml with their defaults; a parameter's comment says what it is for. */
const parameters = (): string => {
  const block = /^ {2}default:\n([\s\S]*?)^\S/m.exec(textOf("serverless.yml"))?.[1] ?? "";
  const rows = [...block.matchAll(/^ {4}(\w+): (.*?)(?: # (.*))?$/gm)].map(
    ([, name = "", value = "", what = ""]) =>
      `| \`${name}\` | ${value === '""' ? "" : `\`${value}\``} | ${cell(what)} |`,
  );
  return ["| parameter | default | what it says |", "| --- | --- | --- |", ...rows].join("\n");
};

/** How long each function runs, and what becomes of its events. */
const functionLimits = (): string => {
  const rows = functionShapes([{ type: "TYPE", timeoutSeconds: 0 }]).map(({ key, timeoutSeconds, events }) => {
    const isHandler = !(PART_KEYS as readonly string[]).includes(key);
    const timeOut = isHandler ? `the type's, and ${timeoutSeconds} s more; at most 900 s` : `${timeoutSeconds} s`;
    if (events === null) return `| \`${key}\` | ${timeOut} | invoked by requests | | |`;
    const { maximumRetryAttempts, maximumEventAgeSeconds, onFailure } = events;
    const age = maximumEventAgeSeconds === null ? "six hours, Lambda's own" : `${maximumEventAgeSeconds} s`;
    const then = { "failed-invocation": "`failed-invocation` gets it", records: "a queue keeps it" };
    return `| \`${key}\` | ${timeOut} | ${maximumRetryAttempts === 0 ? "never" : `${maximumRetryAttempts} times`} | ${age} | ${onFailure === null ? "it is dropped" : then[onFailure]} |`;
  });
  return [
    "| function | time-out | tried again | oldest event | an event that failed |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
};

/** Which file has which part. */
const PARTS: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  "docs/explanation/life-of-a-job.md": { states: stateDiagram },
  "docs/explanation/architecture.md": { functions: functionMap },
  "docs/reference/definitions.md": {
    defineJob: () => fieldsOf("lib/core/define.ts", "JobInput"),
    defineSchedule: () => fieldsOf("lib/core/define-schedule.ts", "ScheduleInput"),
    defineQueue: () => fieldsOf("lib/core/define.ts", "QueueInput"),
    enqueue: () => fieldsOf("lib/core/new-job.ts", "JobOptions"),
    handler: () => fieldsOf("lib/queue/run/job-context.ts", "JobContext"),
    project: () => fieldsOf("lib/project/config.ts", "ProjectSettings"),
    config: () => fieldsOf("lib/project/config.ts", "ForgeqConfig"),
  },
  "docs/reference/settings.md": { parameters, limits: functionLimits },
  "docs/reference/sql.md": { functions: publicFunctions },
};

export const FILES = Object.keys(PARTS);

/** The text of a page with its parts as the code says them now; what stands between the marks is replaced. */
export const bringUpToDate = async (file: string): Promise<string> => {
  let text = readFileSync(join(ROOT, file), "utf8");
  for (const [name, make] of Object.entries(PARTS[file] ?? {})) {
    const [begin, end] = [`<!-- ${name}: made by \`npm run docs\` -->`, `<!-- /${name} -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (before === undefined || after === undefined) throw new Error(`${file} has no part ${name}`);
    text = `${before}${begin}\n\n${make()}\n\n${end}${after}`;
  }
  const config = await resolveConfig(join(ROOT, file));
  return format(text, { ...config, parser: "markdown" });
};
