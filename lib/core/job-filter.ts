import type { JobState } from "./states.ts";
import { leastId } from "./uuid.ts";

/** What lies at a path of a payload or of metadata; compared as text: 42 and "42" are the same. */
export interface PathValue {
  /** Keys, and positions in lists from 0. */
  readonly path: readonly string[];
  readonly value: string;
}

/** Which jobs a list, a search or a bulk action means: those that meet everything that is given. */
export interface JobFilter {
  readonly states?: readonly JobState[];
  readonly types?: readonly string[];
  readonly queues?: readonly string[];
  readonly ids?: readonly string[];
  readonly uniqueKey?: string;
  /** A text within "name: message" of the last error, in any case; or the fingerprint of a group of errors. */
  readonly error?: string;
  /** By the instant in the id: at or after it. */
  readonly createdAfter?: Date;
  /** By the instant in the id: before it. */
  readonly createdBefore?: Date;
  readonly payload?: readonly PathValue[];
  readonly metadata?: readonly PathValue[];
}

/** How `error_fingerprint` in SQL names a group of errors. */
export const FINGERPRINT = /^fp_[0-9a-f]{16}$/;

/** A filter as forgeq.list_live and forgeq.list_finished take it, which refuse a condition that they do not know. What is undefined is left out. */
export const toWireFilter = ({ uniqueKey, error, createdAfter, createdBefore, ...same }: JobFilter): string =>
  JSON.stringify({
    ...same,
    unique_key: uniqueKey,
    [error !== undefined && FINGERPRINT.test(error) ? "fingerprint" : "error"]: error,
    low: createdAfter && leastId(createdAfter),
    high: createdBefore && leastId(createdBefore),
  });

/** Splits a JSON pointer (RFC 6901) into its names: `/a~1b/0` is `["a/b", "0"]`. */
export const pointerPath = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
