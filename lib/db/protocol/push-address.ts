import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** A key signs the pushes of the offers of so long a time. */
const KEY_MS = 10_000;
/** The keys that are still good: a push that commits later than with the fourth is found by a poll. */
const KEYS = 4;
/** The code, in hexadecimal digits. */
const CODE = /^([0-9a-f]{64})\n/;

/**
 * Where a worker is sent jobs, and how it knows that the database has sent them: a channel of 128 random bits, and keys that change with
 * its offers. Both are told to the database alone; see migrations/functions/send_push.sql.
 */
export interface PushAddress {
  readonly channel: string;
  /** The key of an offer that is made now, in hexadecimal digits. */
  keyOf(nowMs: number): string;
  /** The message, where its code is right and it comes for the first time; null otherwise. */
  open(payload: string): string | null;
}

interface Key {
  readonly bytes: Buffer;
  readonly madeAtMs: number;
  /** Codes that have come. */
  readonly seen: Set<string>;
}

const sha256 = (...parts: readonly Buffer[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();

export const createPushAddress = (): PushAddress => {
  /** Newest first. */
  const keys: Key[] = [];
  return {
    channel: `forgeq_${randomBytes(16).toString("hex")}`,
    keyOf: (nowMs) => {
      const [newest] = keys;
      if (newest !== undefined && nowMs - newest.madeAtMs < KEY_MS) return newest.bytes.toString("hex");
      const bytes = randomBytes(32);
      keys.unshift({ bytes, madeAtMs: nowMs, seen: new Set() });
      keys.splice(KEYS);
      return bytes.toString("hex");
    },
    open: (payload) => {
      const [line = "", code = ""] = CODE.exec(payload) ?? [];
      if (line === "") return null;
      const message = payload.slice(line.length);
      const given = Buffer.from(code, "hex");
      const bytes = Buffer.from(message);
      const key = keys.find((each) => timingSafeEqual(given, sha256(each.bytes, sha256(each.bytes, bytes))));
      if (key === undefined || key.seen.has(code)) return null;
      key.seen.add(code);
      return message;
    },
  };
};
