/** Where the logs of a job are, by FORGEQ_LOG_URL. */
import { signal } from "@preact/signals";
import { call } from "./api.ts";
import type { Job } from "./wire.ts";

/** Undefined: not asked for yet; null: nowhere. */
const template = signal<string | null | undefined>(undefined);

/** Asks once where logs are. A failure is no trouble: the link is left out. */
export const findLogs = async (): Promise<void> => {
  if (template.peek() !== undefined) return;
  template.value = null;
  try {
    template.value = (await call<{ readonly log_url: string | null }>("GET", "me")).log_url;
  } catch {
    template.value = undefined;
  }
};

const MINUTE_MS = 60_000;

/** The address of a job's logs: the operator's, with values of the job in it, none of which can change where it leads. Null: none. */
export const logsOf = ({ id, type, queue, created_at, finished_at }: Job, nowMs: number): string | null => {
  const values: Readonly<Record<string, string | number>> = {
    ...{ job_id: id, type, queue },
    from_ms: Date.parse(created_at) - MINUTE_MS,
    to_ms: (finished_at === null ? nowMs : Date.parse(finished_at)) + MINUTE_MS,
  };
  if (template.value == null) return null;
  const address = template.value.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
    encodeURIComponent(values[name] ?? whole),
  );
  return /^https?:\/\//.test(address) ? address : null;
};
