/** The processes of a run: each is one client of a queue. */
import { type ChildProcess, fork } from "node:child_process";
import type { FromClient, Order, Report } from "./task.ts";

export interface ClientProcess {
  readonly child: ChildProcess;
  /** Resolves when the client waits for its "go". */
  readonly ready: Promise<void>;
  readonly report: Promise<Report>;
}

const CLIENT = new URL("client.ts", import.meta.url).pathname;

/** Starts a client that does what the order says. */
export const spawnClient = (order: Order): ClientProcess => {
  const child = fork(CLIENT, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const ready = Promise.withResolvers<void>();
  const report = Promise.withResolvers<Report>();
  for (const each of [ready, report]) each.promise.catch(() => undefined);
  const fail = (error: Error) => {
    ready.reject(error);
    report.reject(error);
  };
  child.on("message", (message: FromClient) => {
    if ("ready" in message) ready.resolve();
    else if ("report" in message) report.resolve(message.report);
    else fail(new Error(`${order.system}: ${message.error}`));
  });
  // The channel fails when a message is sent to a process that is gone.
  child.on("error", fail);
  child.once("exit", (code) => fail(new Error(`${order.system}: its process ended (${code})`)));
  child.send(order);
  return { child, ready: ready.promise, report: report.promise };
};

/** Waits until a client has ended, five seconds at most before it is killed. */
export const gone = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
  });
