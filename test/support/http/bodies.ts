import * as z from "zod";
import type { RequestBody } from "../../../lib/http/router.ts";

/** A body of whatever content, for routes that only tests have. */
export const anyBody = (maxBytes: number, more: Partial<RequestBody> = {}): RequestBody => ({
  schema: z.unknown(),
  maxBytes,
  refusal: { code: "invalid_body", message: "The body is not valid" },
  ...more,
});
