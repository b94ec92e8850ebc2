import { spawn } from "node:child_process";
import { messageOf } from "../core/reason.ts";
import { type HashedKey, parseApiKeys } from "../http/api-keys.ts";
import { sign } from "../http/session.ts";
import { runtime } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { UsageError } from "./failure.ts";
import { ensureKey } from "./local-key.ts";
import { newestSecret } from "./run-keys.ts";
import { print, say } from "./terminal.ts";

export interface DashboardOptions {
  readonly url: string;
  readonly key?: string;
  readonly print?: boolean;
}

const ANSWER_MS = 5_000;

/** What opens an address in the person's browser; null where there is none to see it. */
const openerOf = (): readonly [command: string, ...args: string[]] | null => {
  if (process.platform === "darwin") return ["open"];
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  return process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"] ? ["xdg-open"] : null;
};

/** @returns whether a browser was started */
const openBrowser = (address: string): Promise<boolean> => {
  const opener = openerOf();
  if (opener === null) return Promise.resolve(false);
  const [command, ...args] = opener;
  const child = spawn(command, [...args, address], { stdio: "ignore", detached: true });
  return new Promise((done) => {
    child.once("error", () => done(false));
    child.once("spawn", () => {
      child.unref();
      done(true);
    });
  });
};

/** Says what is wrong with the address before a browser shows an error that says nothing. */
const requireDashboard = async (page: string): Promise<void> => {
  const answer = await fetch(page, { signal: AbortSignal.timeout(ANSWER_MS) }).catch((error: unknown) => {
    throw new UsageError(`nothing answers at ${page}: ${messageOf(error)}. Start forgeq server, or give its --url`);
  });
  if (!answer.ok) throw new UsageError(`there is no dashboard at ${page}: it was answered by ${answer.status}`);
};

const keyOf = async (id: string | undefined): Promise<HashedKey> => {
  const keys = parseApiKeys(await runtime().apiKeys());
  const found = keys.find((key) => (id === undefined ? key.scopes.includes("jobs:read") : key.id === id));
  if (found !== undefined) return found;
  throw new UsageError(
    id === undefined
      ? "there is no key with jobs:read in FORGEQ_API_KEY or FORGEQ_API_KEYS to sign in with"
      : `there is no key ${id} in FORGEQ_API_KEYS`,
  );
};

const pageOf = (url: string): string => {
  try {
    return new URL("dashboard", url.endsWith("/") ? url : `${url}/`).href;
  } catch {
    throw new UsageError(`--url is not an address: ${url}`);
  }
};

/** `forgeq dashboard` */
export const runDashboard = async (options: DashboardOptions & GlobalOptions): Promise<void> => {
  const page = pageOf(options.url);
  await ensureKey(options);
  const secret = await newestSecret(options);
  const key = await keyOf(options.key);
  await requireDashboard(page);
  // In the fragment, which browsers send to nobody; the page takes it out of the address immediately.
  const address = `${page}#code=${sign(secret, key, { use: "code" })}`;
  if (options.print !== true && (await openBrowser(address))) {
    say(`The dashboard opens in your browser, signed in with the key ${key.id}.`);
    return;
  }
  print(address);
  say("Open this address within a minute: it signs you in.");
};
