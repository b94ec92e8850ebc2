import { createHash } from "node:crypto";
import { checkDocument } from "./document.ts";
import { ForgeqError } from "./errors.ts";

const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * The id of a job that you have a name for: a UUID of version 7 whose time is `madeAt`, to the millisecond, and whose other bits are a hash of both. The same
 * key and instant give the same id, here, in SQL (`forgeq.id_of`) and by `forgeq id`. An enqueue takes ids made between 30 days ago and an hour ahead.
 *
 * @param key - yours: not empty, well-formed, without NUL
 * @param madeAt - of the years 1970 to 9999; when what the job is for was made, not the time of the call, which is another one when it is repeated
 * @throws {ForgeqError} `invalid_job` for any other
 */
export const idOf = (key: string, madeAt: Date): string => {
  const ms = madeAt.getTime();
  if (key === "" || checkDocument(key).length > 0 || !(ms >= 0 && ms <= LAST_MS)) {
    const message =
      "idOf needs a key that is not empty and that Postgres can hold, and an instant of the years 1970 to 9999";
    throw new ForgeqError("invalid_job", message);
  }
  const time = ms.toString(16).padStart(12, "0");
  const hash = createHash("sha256").update(`${key} ${ms}`).digest("hex");
  const variant = ((parseInt(hash[3] ?? "0", 16) & 3) | 8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
};
