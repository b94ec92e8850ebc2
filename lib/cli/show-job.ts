import type { Job } from "../queue/manage/read-jobs.ts";
import { stateStyle } from "./follow-job.ts";
import { paint, printable } from "./terminal.ts";

const indent = (text: string): string => text.replaceAll(/^/gm, "  ");

const pretty = (value: unknown): string => indent(printable(JSON.stringify(value, null, 2) ?? "null"));

/** A job for a person: what it is, then its payload, result and attempts. */
export const showJob = (job: Job): string => {
  const facts: [string, string | null][] = [
    ["id", job.id],
    ["type", job.type],
    ["queue", job.queue],
    ["state", paint(stateStyle(job.state), job.state)],
    ["reason", job.state === "cancelled" && job.error?.name === "Cancelled" ? job.error.message : null],
    ["attempt", `${job.attempt} of ${job.maxAttempts}`],
    ["life", String(job.life)],
    ["priority", String(job.priority)],
    ["unique key", job.uniqueKey],
    ["created", job.createdAt.toISOString()],
    ["run at", job.runAt.toISOString()],
    ["start by", job.startBefore?.toISOString() ?? null],
    ["started", job.startedAt?.toISOString() ?? null],
    ["finished", job.finishedAt?.toISOString() ?? null],
    ["retried", job.retried === undefined ? null : `${job.retried.at.toISOString()} by ${job.retried.by}`],
    [
      "progress",
      job.progress === null ? null : `${Math.round(job.progress.fraction * 100)} % ${job.progress.note ?? ""}`,
    ],
  ];
  const attempts = (job.attempts ?? []).map(({ number, outcome, beganAt, endedAt, error }) => {
    const head = `  ${number}  ${printable(outcome).padEnd(13)} ${(beganAt ?? endedAt).toISOString()}`;
    return error === null
      ? head
      : `${head}\n${indent(indent(paint("red", error.stack ?? `${error.name}: ${error.message}`)))}`;
  });
  return [
    ...facts
      .filter(([, value]) => value !== null)
      .map(([name, value]) => `${paint("dim", name.padEnd(11))} ${name === "state" ? value : printable(value ?? "")}`),
    "",
    paint("dim", "payload"),
    job.payload === undefined || job.payload === null ? "  not kept" : pretty(job.payload),
    ...(Object.keys(job.metadata).length > 0 ? ["", paint("dim", "metadata"), pretty(job.metadata)] : []),
    ...(job.result === null || job.result === undefined ? [] : ["", paint("dim", "result"), pretty(job.result)]),
    ...(attempts.length === 0 ? [] : ["", paint("dim", "attempts"), ...attempts]),
  ].join("\n");
};
