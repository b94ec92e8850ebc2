import * as z from "zod";
import { defineJob } from "../../../lib/core/define.ts";

/** RFC 5321 ends an address at 254 characters; RFC 5322 ends a header line at 998. */
const MAX_ADDRESS = 254;
const MAX_SUBJECT = 998;

/** Control characters, line breaks among them: a header that holds one could begin a second header. */
// eslint-disable-next-line no-control-regex
const NO_CONTROL_CHARACTERS = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$/;

/** Sends one plain-text mail to one address. */
export const sendEmail = defineJob({
  type: "send_email",
  queue: "emails",
  payload: z
    .object({
      email: z.email().max(MAX_ADDRESS),
      subject: z
        .string()
        .max(MAX_SUBJECT)
        .regex(NO_CONTROL_CHARACTERS, "must be one line without control characters")
        .default("Hello"),
      body: z.string().default(""),
    })
    .meta({ examples: [{ email: "test@example.com", subject: "Hello", body: "How are you?" }] }),
  retry: { maxAttempts: 8, backoff: { type: "exponential", baseSeconds: 2, maxSeconds: 900, jitter: "full" } },
  timeoutSeconds: 30,
});
