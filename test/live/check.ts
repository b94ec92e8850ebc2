/**
 * `npm run check:live`: starts ForgeQ as a user does, holds the timings that are promised against what a clock says, and stops it.
 * Exit 1 when one is missed. Run it on a machine that does nothing else.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../lib/local/postgres.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const POSTS = 100;

interface WireJob {
  readonly id: string;
  readonly state: string;
  readonly created_at: string;
  readonly run_at: string;
  readonly started_at: string | null;
}

let missed = 0;
const report = (what: string, value: number, unit: string, holds: boolean, limit: string): void => {
  if (!holds) missed += 1;
  console.log(
    `${holds ? "ok    " : "MISSED"} ${what.padEnd(46)} ${value.toFixed(unit === "s" ? 2 : 0)} ${unit} (${limit})`,
  );
};

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const until = async <Value>(what: string, seconds: number, look: () => Promise<Value | null>): Promise<Value> => {
  for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; await pause(20)) {
    const value = await look();
    if (value !== null) return value;
  }
  throw new Error(`${what} did not happen within ${seconds} s`);
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** Processes that work in the checkout or on the data of this run; Linux only. */
const processesOf = (folder: string): string[] =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const directory = readlinkSync(`/proc/${pid}/cwd`);
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return environment.includes(`FORGEQ_DIR=${folder}`) || directory.startsWith(folder)
          ? [`${pid} ${command}`]
          : [];
      } catch {
        return [];
      }
    });

const start = (folder: string, port: number): { child: ChildProcess; output: () => string } => {
  let text = "";
  const env = { ...process.env, PORT: String(port), FORGEQ_DIR: folder, NO_COLOR: "1" };
  const child = spawn("npm", ["start"], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (text += part.toString()));
  return { child, output: () => text };
};

const check = async (folder: string, url: string, output: () => string): Promise<void> => {
  const mailFolder = join(folder, "mail");
  const key = readFileSync(join(folder, "api-key"), "utf8").trim();
  const send = async (path: string, body?: unknown) => {
    const response = await fetch(url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      location: response.headers.get("location"),
      job: (await response.json()) as WireJob,
    };
  };
  const inState = (id: string, state: string, seconds: number) =>
    until(`job ${id} ${state}`, seconds, async () => {
      const { job } = await send(`/jobs/${id}`);
      return job.state === state ? job : null;
    });
  const email = (subject: string, more: object = {}) => ({
    type: "send_email",
    payload: { email: "test@example.com", subject },
    ...more,
  });
  const hasMail = (subject: string) =>
    readdirSync(mailFolder).some((name) =>
      readFileSync(join(mailFolder, name), "utf8").includes(`Subject: ${subject}\r\n`),
    );

  // The printed command, pasted.
  const curl = /^curl -i .*$/m.exec(output())?.[0] ?? "";
  const pasted = spawn("sh", ["-c", curl], { stdio: ["ignore", "pipe", "ignore"] });
  let answer = "";
  pasted.stdout.on("data", (part: Buffer) => (answer += part.toString()));
  await new Promise((resolve) => pasted.once("close", resolve));
  const answered = /^HTTP\/1.1 201/.test(answer) && /^location: \/jobs\//im.test(answer);
  report(
    "the printed curl command answers",
    Number(/ (\d+)/.exec(answer)?.[1] ?? 0),
    "",
    answered,
    "201 with Location",
  );
  const warm = await send("/jobs", email("warm"));
  await inState(warm.job.id, "completed", 30);

  const postMs: number[] = [];
  for (let n = 0; n < POSTS; n += 1) {
    const before = performance.now();
    await send("/jobs", email(`post ${n}`, { delay_seconds: 3600 }));
    postMs.push(performance.now() - before);
  }
  report(`POST /jobs, p50 of ${POSTS}`, median(postMs), "ms", median(postMs) <= 50, "at most 50");

  const before = performance.now();
  const { job: mailed } = await send("/jobs", email("timed"));
  await until("the mail", 30, async () => (hasMail("timed") ? true : null));
  const mailSeconds = (performance.now() - before) / 1000;
  report("a mail in the mailbox after its POST", mailSeconds, "s", mailSeconds <= 2, "at most 2");
  const done = await inState(mailed.id, "completed", 10);
  const startSeconds = (Date.parse(done.started_at ?? "") - Date.parse(done.created_at)) / 1000;
  report("a job's start after its POST", startSeconds, "s", startSeconds <= 1, "at most 1");

  const runAt = new Date(Date.now() + 7_000).toISOString();
  const postedAt = Date.now();
  const { job: later } = await send("/jobs", email("later", { run_at: runAt }));
  const ran = await inState(later.id, "completed", 30);
  const afterSeconds = (Date.parse(ran.started_at ?? "") - postedAt) / 1000;
  report(
    "start of a job with run_at 7 s ahead",
    afterSeconds,
    "s",
    afterSeconds >= 7 && afterSeconds <= 8.5,
    "7.0 to 8.5",
  );
};

const folder = mkdtempSync(join(tmpdir(), "forgeq-live-"));
// For root's Postgres, which runs as another user.
chmodSync(folder, 0o755);
const port = await freePort();
const startedAtMs = performance.now();
const { child, output } = start(folder, port);
const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
const interrupt = () => {
  if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
};
process.once("SIGINT", interrupt);
try {
  await until("the ready line", 120, async () => {
    if (child.exitCode !== null) throw new Error("npm start ended");
    return output().includes("ForgeQ is ready on") ? true : null;
  });
  const readySeconds = (performance.now() - startedAtMs) / 1000;
  report("npm start to its ready line", readySeconds, "s", readySeconds < 60, "under 60");
  await check(folder, `http://127.0.0.1:${port}`, output);
} catch (error) {
  missed += 1;
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${output()}`);
}

// As a terminal does on Ctrl-C: to the whole group.
const stoppingAtMs = performance.now();
interrupt();
await exited;
const left = await until<string[]>("the end of all processes", 15, async () => {
  const processes = processesOf(folder);
  return processes.length === 0 ? processes : null;
}).catch(() => processesOf(folder));
report(
  "Ctrl-C to the end of all processes",
  (performance.now() - stoppingAtMs) / 1000,
  "s",
  left.length === 0,
  "none left",
);
for (const process of left) console.error(process);
rmSync(folder, { recursive: true, force: true });
process.exitCode = missed === 0 ? 0 : 1;
