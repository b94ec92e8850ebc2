import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Db } from "../../../lib/db/drivers/client.ts";
import { syncDefinitions } from "../../../lib/queue/manage/sync-definitions.ts";
import type { JobDefinition, QueueDefinition } from "../../../lib/core/job.ts";
import { CODE_CACHE } from "../code-cache.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

export interface CliOptions {
  /** The checkout whose code runs; this one unless given. */
  readonly root?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  readonly stdout: () => string;
  /** Waits for a text on stderr. */
  said(text: RegExp): Promise<void>;
  readonly ended: Promise<Ended>;
}

/** Nothing of this process' own settings. */
const cleanEnv = (): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  NO_COLOR: "1",
  ...CODE_CACHE,
});

/** `forgeq` as a process of its own, with Node 24 and no launcher, so that a signal is for it alone. */
export const startForgeq = (
  args: readonly string[],
  { root = ROOT, cwd = root, env = {}, input }: CliOptions = {},
): RunningCli => {
  const child = spawn(process.execPath, [join(root, "lib", "cli", "forgeq.ts"), ...args], {
    cwd,
    env: { ...cleanEnv(), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
      for (const listener of listeners) listener();
    });
  }
  child.stdin.on("error", () => undefined).end(input ?? "");
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => {
      resolve({ code, signal, ...text });
      for (const listener of listeners) listener();
    }),
  );
  try {
    onTestFinished(async () => {
      child.kill("SIGKILL");
      await ended;
    });
  } catch {
    // Ended by the test itself.
  }
  return {
    child,
    stderr: () => text.stderr,
    stdout: () => text.stdout,
    said: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (wanted.test(text.stderr)) resolve();
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`forgeq ${args[0]} ended without saying ${String(wanted)}: ${text.stderr}`));
          else return;
          listeners.delete(look);
        };
        listeners.add(look);
        look();
      }),
    ended,
  };
};

export const forgeq = (args: readonly string[], options: CliOptions = {}): Promise<Ended> =>
  startForgeq(args, options).ended;

export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "forgeq-cli-"));
  // For Postgres, which does not run as root.
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

export interface Tally {
  readonly folder: string;
  /** How often each job was begun, by any process. */
  runs(): Map<string, number>;
  /** How often each job ran to its end. */
  completions(): Map<string, number>;
}

const lib = (file: string): string => new URL(`../../../lib/${file}`, import.meta.url).href;

/**
 * A project of its own with one type, `tally`: its handler writes a line when it begins and one when it ends, to a file of its
 * process, so that nothing is lost with a killed one. A payload's `ms` is how long it works, `hops` how many jobs follow it, each enqueued by the one
 * before.
 */
export const makeProject = async (
  db: Db | null,
  settings: {
    readonly maxInFlight?: number | null;
    readonly leaseSeconds?: number;
    readonly maxAttempts?: number;
  } = {},
): Promise<Tally> => {
  const folder = temporaryFolder();
  const handler = join(folder, "functions", "handlers", "tally");
  mkdirSync(handler, { recursive: true });
  mkdirSync(join(folder, "runs"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "tally", private: true, type: "module" }));
  writeFileSync(
    join(handler, "job.ts"),
    `import * as z from ${JSON.stringify(import.meta.resolve("zod"))};
import { defineJob } from ${JSON.stringify(lib("core/define.ts"))};
export const tally = defineJob({ type: "tally", payload: z.object({ ms: z.number().default(1), hops: z.number().default(0) }).loose(),
  leaseSeconds: ${settings.leaseSeconds ?? 60}, retry: { maxAttempts: ${settings.maxAttempts ?? 20}, backoff: { type: "fixed", seconds: 0, jitter: "none" } } });
`,
  );
  writeFileSync(
    join(handler, "handler.ts"),
    `import { appendFileSync } from "node:fs";
import { lambdaHandler } from ${JSON.stringify(lib("job.ts"))};
import { tally } from "./job.ts";
const note = (what: string, id: string) => appendFileSync(\`${folder}/runs/\${what}-\${process.pid}\`, id + "\\n");
export const handler = lambdaHandler(tally, async ({ ms, hops }, job) => {
  note("begun", job.id);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    job.signal.addEventListener("abort", () => { clearTimeout(timer); reject(job.signal.reason as Error); });
  });
  if (hops > 0) await job.enqueue(tally, { ms, hops: hops - 1 });
  note("ended", job.id);
});
`,
  );
  writeFileSync(
    join(folder, "functions", "registry.ts"),
    `import { tally } from "./handlers/tally/job.ts";\nexport const jobs = [tally];\n`,
  );
  writeFileSync(
    join(folder, "functions", "queues.ts"),
    `import { defineQueue } from ${JSON.stringify(lib("core/define.ts"))};
export const queues = [defineQueue({ name: "tally", maxInFlight: ${settings.maxInFlight ?? null} })];
`,
  );
  if (db !== null) {
    const load = <Module>(file: string) => import(`${folder}/functions/${file}`) as Promise<Module>;
    const { jobs } = await load<{ jobs: readonly JobDefinition[] }>("registry.ts");
    const { queues } = await load<{ queues: readonly QueueDefinition[] }>("queues.ts");
    await syncDefinitions(db, jobs, queues);
  }
  const count = (what: string): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const file of readdirSync(join(folder, "runs")).filter((name) => name.startsWith(what))) {
      for (const id of readFileSync(join(folder, "runs", file), "utf8")
        .split("\n")
        .filter(Boolean))
        counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return counts;
  };
  return { folder, runs: () => count("begun"), completions: () => count("ended") };
};
