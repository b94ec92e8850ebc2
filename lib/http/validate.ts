import type * as z from "zod";
import { MAX_FIELD_ERRORS, toPointer } from "../core/document.ts";
import type { FieldError } from "../core/errors.ts";

/**
 * What zod found, as field errors; one for each unknown key.
 *
 * @param at - the pointer of the checked value in the caller's document
 */
export const fieldErrorsOf = (error: z.ZodError, at = ""): FieldError[] =>
  error.issues
    .flatMap((issue) =>
      issue.code === "unrecognized_keys"
        ? issue.keys
            .slice(0, MAX_FIELD_ERRORS)
            .map((key) => ({ pointer: at + toPointer([...issue.path, key]), message: "is not a known field" }))
        : [{ pointer: at + toPointer(issue.path), message: issue.message }],
    )
    .slice(0, MAX_FIELD_ERRORS);
