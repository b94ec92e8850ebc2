/** What the examples of README and docs take from the reader's own code. */
import type { ClientBase } from "pg";
import type { sendEmail as SendEmail } from "../../../functions/handlers/send_email/job.ts";

declare global {
  const client: ClientBase;
  const email: string;
  const sendEmail: typeof SendEmail;
  function load(key: string, options: { signal: AbortSignal }): Promise<Buffer>;
  function store(image: Buffer): Promise<string>;
  function resize(image: Buffer, width: number): Buffer;
}
