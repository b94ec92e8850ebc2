import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseJson } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";
import { type CheckedJob, checkJob, type JobTypes } from "../http/new-job.ts";
import { describeFieldErrors } from "./failure.ts";

/** A line of a file of jobs: one job, checked, or what is wrong with it. Counted from 1; blank lines are passed over. */
export interface JobLine {
  readonly number: number;
  readonly bytes: number;
  readonly job?: CheckedJob;
  readonly wrong?: string;
}

const check = async (types: JobTypes, text: string): Promise<Pick<JobLine, "job" | "wrong">> => {
  try {
    return { job: await checkJob(types, parseJson(text)) };
  } catch (error) {
    const described = describeFieldErrors(error);
    if (!(described instanceof ForgeqError)) throw error;
    return { wrong: described.message };
  }
};

/** The jobs of an NDJSON file, line by line, never all of it in memory. */
export async function* jobLines(file: string, types: JobTypes): AsyncGenerator<JobLine> {
  let number = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    number += 1;
    const bytes = Buffer.byteLength(text) + 1;
    if (text.trim() !== "") yield { number, bytes, ...(await check(types, text)) };
  }
}
