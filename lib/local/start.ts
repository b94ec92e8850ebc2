/** `npm start`: everything that is deployed, on this machine, until Ctrl-C. */
import { relative } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { keyInShell } from "./api-key.ts";
import { startLocalRun, type LocalRun } from "./local-run.ts";
import { watchNpm } from "./npm-ancestors.ts";
import { messageOf } from "../core/reason.ts";

const GREY = process.stdout.isTTY && !process.env["NO_COLOR"] ? ["\u001b[90m", "\u001b[0m"] : ["", ""];
const say = (source: string, line: string): void => console.log(`${GREY[0]}${source.padEnd(12)}${GREY[1]} ${line}`);

let starting: Promise<LocalRun> | undefined;
const stopping = new AbortController();
let stoppingAtMs = 0;

/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const SAME_SIGNAL_MS = 500;
/** Ctrl-C ends the programs that build and prepare, too: their failure may be seen before the signal is. */
const SIGNAL_MS = 100;

const stop = async (exitCode: number): Promise<void> => {
  if (stopping.signal.aborted) {
    if (performance.now() - stoppingAtMs > SAME_SIGNAL_MS) process.exit(130);
    return;
  }
  stopping.abort();
  stoppingAtMs = performance.now();
  console.log("\nStopping ...");
  // What a start that fails has started is stopped by it.
  const run = await starting?.catch(() => null);
  await run?.stop();
  process.exit(exitCode);
};
process.on("SIGINT", () => void stop(0));
process.on("SIGTERM", () => void stop(0));
// A terminal that is closed takes its streams with it: nobody reads what is said from then on.
process.on("SIGHUP", () => void stop(0));
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
// esbuild throws where nobody can catch it when its own process has ended.
process.on("uncaughtException", (error) => {
  void pause(SIGNAL_MS).then(() => {
    if (stopping.signal.aborted) return;
    console.error(error);
    void stop(1);
  });
});
watchNpm(() => void stop(1));

const port = Number(process.env["PORT"] || 3000);
if (!Number.isInteger(port) || port < 1 || port > 65_535) {
  console.error("PORT is a number from 1 to 65535.");
  process.exit(1);
}

try {
  console.log("Building and starting ...");
  starting = startLocalRun({
    root: process.cwd(),
    folder: process.env["FORGEQ_DIR"] || ".forgeq",
    port,
    env: process.env,
    build: "watch",
    signal: stopping.signal,
    onLog: say,
    onFatal: (message) => {
      if (stopping.signal.aborted) return;
      console.error(`${message}.`);
      void stop(1);
    },
  });
  const run = await starting;
  const body = JSON.stringify({
    type: "send_email",
    payload: { email: "test@example.com", subject: "Hello", body: "From ForgeQ" },
  });
  const key = process.env["FORGEQ_API_KEY"] ? "$FORGEQ_API_KEY" : keyInShell(run.folder);
  const folder = relative(process.cwd(), run.folder);
  const dir = folder === ".forgeq" ? "" : `--dir '${folder.replaceAll("'", "'\\''")}' `;
  const mails =
    run.mailFolder === null ? "" : `\nIts mail lies in ${relative(process.cwd(), run.mailFolder)}/ a moment later.`;
  if (!stopping.signal.aborted)
    console.log(`
Dashboard: ${run.url}/dashboard
npx forgeq dashboard opens it, signed in.

ForgeQ is ready on ${run.url}

Enqueue a job, in another terminal in this folder:

curl -i ${run.url}/jobs -H "authorization: Bearer ${key}" -H 'content-type: application/json' -d '${body}'

See what became of it:

npx forgeq jobs show ${dir}ID
curl "${run.url}/jobs?include=attempts" -H "authorization: Bearer ${key}"
${mails}
Ctrl-C stops everything.
`);
} catch (error) {
  await pause(SIGNAL_MS);
  if (!stopping.signal.aborted) {
    console.error(`ForgeQ could not start: ${messageOf(error)}`);
    process.exit(1);
  }
}
