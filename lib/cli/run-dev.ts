import { existsSync, readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { GlobalOptions } from "./command.ts";
import { startDevProcess } from "./dev-process.ts";
import { UsageError } from "./failure.ts";
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
  const build = join(process.cwd(), "esbuild.config.mjs");
  const file = join(process.cwd(), "functions", "registry.ts");
  if (!existsSync(build)) return;
  const { registrySource } = (await import(pathToFileURL(build).href)) as { registrySource?: () => string };
  const source = registrySource?.();
  if (source !== undefined && (!existsSync(file) || readFileSync(file, "utf8") !== source)) writeFileSync(file, source);
};

/** Calls `changed` once the files of a folder have come to rest, with those that changed. */
const watchFolder = (folder: string, changed: (files: readonly string[]) => void): (() => void) => {
  const files = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_, file) => {
    if (file === null || !/\.[cm]?[jt]s$/.test(file)) return;
    files.add(file);
    clearTimeout(timer);
    timer = setTimeout(() => {
      changed([...files]);
      files.clear();
    }, SETTLE_MS);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
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
  if (!existsSync("functions"))
    throw new UsageError("there is no functions folder here: run this in a project's folder");
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
  const unwatch = watchFolder("functions", (files) => {
    restarting = restarting.then(async () => {
      say(`${files.slice(0, 3).join(", ")} changed: started again.`);
      await writeRegistry();
      // What only a handler does is no business of the server's.
      if (files.some((file) => !/^handlers\/.*\/(?!job\.ts$)[^/]+$/.test(file.replaceAll("\\", "/"))))
        await server.restart();
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
