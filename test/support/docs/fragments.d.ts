/** What the examples of README and docs take from the reader's own code. */
import type { ClientBase } from "pg";
import type { sendEmail as SendEmail } from "../../../functions/handlers/send_email/job.ts";

declare global {
  const client: ClientBase;
  /** A transaction, and the id of a job. */
  const tx: ClientBase;
  const id: string;
  const email: string;
  const sendEmail: typeof SendEmail;
  /** An AsyncLocalStorage, and a tracker of errors. */
  const tenants: { run<Result>(tenant: unknown, run: () => Result): Result };
  const Sentry: { captureException(error: unknown, about: { tags: Record<string, string> }): void };
  function load(key: string, options: { signal: AbortSignal }): Promise<Buffer>;
  function store(image: Buffer): Promise<string>;
  function resize(image: Buffer, width: number): Buffer;
}
