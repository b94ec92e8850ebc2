import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ForgeqError } from "../core/errors.ts";
import { toForgeqError } from "../db/drivers/call.ts";
import { enqueueJobsIn } from "../queue/enqueue/enqueue-jobs.ts";
import type { JobTypes } from "../http/new-job.ts";
import type { GlobalOptions } from "./command.ts";
import { openDeps } from "./deps.ts";
import { UsageError } from "./failure.ts";
import { type JobLine, jobLines } from "./job-lines.ts";
import { startProgress } from "./progress.ts";
import { projectTypes } from "./project.ts";
import type { EnqueueCommandOptions } from "./enqueue-options.ts";
import { print, printJson, printable, say } from "./terminal.ts";

const CHUNK_JOBS = 1_000;
const SHOWN_ERRORS = 20;

/** What became of a file's lines. */
interface Counts {
  readonly lines: number;
  /** Stored as new jobs. */
  enqueued: number;
  /** Jobs whose id, or a live job with their unique key, was there already. */
  existing: number;
  readonly invalid: number;
}

/** Standard input is kept in a file first: it is read twice. */
const spool = async (file: string): Promise<{ path: string; remove: () => Promise<void> }> => {
  if (file !== "-") return { path: file, remove: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), "forgeq-"));
  const path = join(folder, "jobs.ndjson");
  await pipeline(process.stdin, createWriteStream(path));
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
};

/** First pass: every line is checked before anything is stored. */
const checkLines = async (path: string, types: JobTypes, bytes: number): Promise<{ good: number; bad: JobLine[] }> => {
  const progress = startProgress("Checking", bytes);
  const bad: JobLine[] = [];
  let good = 0;
  for await (const line of jobLines(path, types)) {
    if (line.wrong === undefined) good += 1;
    else bad.push(line);
    progress.add(line.bytes);
  }
  progress.end();
  return { good, bad };
};

/** A refusal of the database names the item of its chunk: say which line that is. */
const nameLine = (error: unknown, chunk: readonly JobLine[]): unknown => {
  const known = toForgeqError(error);
  if (!(known instanceof ForgeqError) || typeof known.details["index"] !== "number") return known;
  const line = chunk[known.details["index"]];
  return new ForgeqError(known.code, `line ${line?.number}: ${known.message}; nothing was enqueued`, known.details, {
    cause: known.cause,
  });
};

/**
 * `forgeq enqueue --file`: all lines or none. They are checked first, then stored in one transaction; when that fails, nothing
 * of the file is there. With --skip-invalid the good lines are stored although others are bad.
 */
export const runEnqueueFile = async (
  options: EnqueueCommandOptions & GlobalOptions & { readonly file: string },
): Promise<void> => {
  const { path, remove } = await spool(options.file);
  try {
    const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
      throw new UsageError(`${path} can't be read (${cause.code})`);
    });
    if (found.isDirectory()) throw new UsageError(`${path} is a folder: give a file with a job a line`);
    const { size: bytes } = found;
    const types = await projectTypes();
    const { good, bad } = await checkLines(path, types, bytes);
    for (const { number, wrong } of bad.slice(0, SHOWN_ERRORS)) say(`line ${number}: ${printable(wrong ?? "")}`);
    if (bad.length > SHOWN_ERRORS) say(`... and ${bad.length - SHOWN_ERRORS} lines more`);
    const counts: Counts = { lines: good + bad.length, enqueued: 0, existing: 0, invalid: bad.length };
    if (bad.length > 0 && options.skipInvalid !== true) {
      report(options, counts);
      throw new ForgeqError("invalid_job", `${bad.length} of ${counts.lines} lines are bad; nothing was enqueued`);
    }
    await store(options, path, types, good, counts);
    report(options, counts);
    if (bad.length > 0) process.exitCode = 1;
  } finally {
    await remove();
  }
};

const store = async (
  options: GlobalOptions,
  path: string,
  types: JobTypes,
  total: number,
  counts: Counts,
): Promise<void> => {
  const open = await openDeps(options, { migrate: "definitions", part: "enqueue" });
  const progress = startProgress("Enqueueing", total);
  try {
    await open.deps.db.transaction(async (tx) => {
      let chunk: JobLine[] = [];
      const flush = async () => {
        if (chunk.length === 0) return;
        const jobs = chunk.flatMap(({ job }) => job ?? []);
        const rows = await enqueueJobsIn(tx, jobs, null).catch((error: unknown) => {
          throw nameLine(error, chunk);
        });
        const created = rows.filter((row) => row.created).length;
        counts.enqueued += created;
        counts.existing += jobs.length - created;
        progress.add(jobs.length);
        chunk = [];
      };
      for await (const line of jobLines(path, types)) {
        if (line.job !== undefined) chunk.push(line);
        if (chunk.length === CHUNK_JOBS) await flush();
      }
      await flush();
    });
    await open.deps.hintWorkers?.(0, undefined);
  } catch (error) {
    counts.enqueued = 0;
    counts.existing = 0;
    throw toForgeqError(error);
  } finally {
    progress.end();
    await open.close();
  }
};

const report = ({ json }: GlobalOptions, counts: Counts): void => {
  if (json === true) return printJson(counts);
  print(
    `${counts.enqueued} enqueued, ${counts.existing} there already, ${counts.invalid} invalid, of ${counts.lines} lines`,
  );
};
