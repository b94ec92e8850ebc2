import { ForgeqError } from "../core/errors.ts";

/** The field of a job that a refusal of the database is about. */
const FIELDS: Partial<Record<string, string>> = {
  id_conflict: "/id",
  id_version: "/id",
  payload_too_large: "/payload",
  queue_full: "/queue",
  unique_key_conflict: "/unique_key",
  unknown_queue: "/queue",
  unknown_type: "/type",
};

/** A refusal of `enqueueJobs` with the pointer of the job it is about; anything else unchanged. */
export const locateRefusal = (error: unknown, at: (index: number) => string): unknown => {
  if (!(error instanceof ForgeqError) || typeof error.details["index"] !== "number") return error;
  const { index, errors: own, ...details } = error.details;
  const job = at(index);
  const errors = own?.map(({ pointer, message }) => ({ pointer: job + pointer, message })) ?? [
    { pointer: job + (FIELDS[error.code] ?? ""), message: error.message },
  ];
  return new ForgeqError(error.code, error.message, { ...details, errors }, { cause: error });
};
