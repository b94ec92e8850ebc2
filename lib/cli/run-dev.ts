import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CONFIG_FILES } from "../project/load-config.ts";
import type { GlobalOptions } from "./command.ts";
import { startDevProcess } from "./dev-process.ts";
import { UsageError } from "./failure.ts";
import { project } from "./project.ts";
import { onShutdown } from "./signals.ts";
import { say } from "./terminal.ts";

export interface DevCommandOptions {
  readonly port: number;
  readonly host: string;
  readonly concurrency: number;
  readonly grace: number;
}

const SETTLE_MS = 150;

/** A new folder under functions/handlers is a new job type: the registry is made anew, where the project has the build for it. */
const writeRegistry = async (): Promise<void> => {
  const build = join(project().root, "esbuild.config.mjs");
  const file = join(project().root, "functions", "registry.ts");
  if (!existsSync(build)) return;
  const { registrySource } = (await import(pathToFileURL(build).href)) as { registrySource?: () => string };
  const source = registrySource?.();
  if (source !== undefined && (!existsSync(file) || readFileSync(file, "utf8") !== source)) writeFileSync(file, source);
};

/** What `forgeq dev` watches. */
interface Watched {
  /** With everything in it: the top one of the folders that lead to the job types, since they import what lies beside them. */
  readonly folder: string;
  /** Where the config file is. */
  readonly root: string;
}

/** Calls `changed` once the files have come to rest, with the paths of those that changed, relative to the root. */
const watchFiles = ({ folder, root }: Watched, changed: (files: readonly string[]) => void): (() => void) => {
  const files = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const note = (file: string): void => {
    files.add(relative(root, file));
    clearTimeout(timer);
    timer = setTimeout(() => {
      changed([...files]);
      files.clear();
    }, SETTLE_MS);
  };
  const watchers = [
    watch(folder, { recursive: true }, (_, file) => {
      if (file !== null && /\.[cm]?[jt]s$/.test(file)) note(join(folder, file));
    }),
    watch(root, (_, file) => {
      if (file !== null && CONFIG_FILES.includes(file)) note(join(root, file));
    }),
  ];
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
};

/** @throws {UsageError} when there are no job types to run */
const watchedOf = (): Watched => {
  const { root, jobsFolder } = project();
  const jobs = resolve(root, jobsFolder);
  if (!existsSync(jobs))
    throw new UsageError(
      `there is no folder ${jobsFolder} here: run this in a project's folder, or make one with forgeq init`,
    );
  const [top = "", ...deeper] = relative(root, jobs).split(/[\\/]/);
  return { root, folder: top === ".." || deeper.length === 0 ? jobs : join(root, top) };
};

/** Whether the server has loaded such a file: what only a handler does is no business of the server's. */
const isOfServer = (file: string): boolean => {
  const { root, jobsFolder } = project();
  const [type, ...rest] = relative(resolve(root, jobsFolder), join(root, file)).split(/[\\/]/);
  return type === ".." || rest.length === 0 || (rest.length === 1 && /^job\.[cm]?[jt]s$/.test(rest[0] ?? ""));
};

const flagsOf = (options: GlobalOptions): string[] => [
  ...(options.json === true ? ["--json"] : []),
  ...(options.databaseUrl === undefined ? [] : ["--database-url", options.databaseUrl]),
  ...(options.config === undefined ? [] : ["--config", options.config]),
  "--dir",
  options.dir,
];

/** `forgeq dev`: server and worker, each in a process of its own, started again when their files change. */
export const runDev = async (options: DevCommandOptions & GlobalOptions): Promise<void> => {
  const watched = watchedOf();
  await writeRegistry();
  const flags = flagsOf(options);
  const grace = ["--grace", `${options.grace}s`];
  const onCrash = (name: string) => () => say(`${name} ended; it is started again when a file changes.`);
  const server = startDevProcess(
    "server",
    ["server", "--port", String(options.port), "--host", options.host, ...grace, ...flags],
    false,
    onCrash("The server"),
  );
  const worker = startDevProcess(
    "worker",
    ["worker", "--concurrency", String(options.concurrency), ...grace, ...flags],
    true,
    onCrash("The worker"),
  );
  let restarting = Promise.resolve();
  const unwatch = watchFiles(watched, (files) => {
    restarting = restarting.then(async () => {
      say(`${files.slice(0, 3).join(", ")} changed: started again.`);
      await writeRegistry();
      if (files.some(isOfServer)) await server.restart();
      await worker.restart();
    });
  });
  let signalled = false;
  onShutdown(async () => {
    signalled = true;
    unwatch();
    await restarting;
    for (const each of [server, worker]) each.signal("SIGTERM");
    await Promise.all([server.ended(), worker.ended()]);
    return true;
  });
  // The second signal ends this process; the channel's end would let theirs finish, so they get the signal, too.
  process.on("exit", () => {
    if (signalled) for (const each of [server, worker]) each.signal("SIGKILL");
  });
  await new Promise(() => undefined);
};
