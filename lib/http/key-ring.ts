import type { ConfiguredKeys } from "../core/configured-keys.ts";
import { messageOf } from "../core/reason.ts";
import { type ApiKey, type HashedKey, keyOfSecret, MIN_KEY_CHARACTERS, parseApiKeys } from "./api-keys.ts";
import type { HttpLog } from "./problem.ts";

/** Keys are read again after five minutes, so that a key that was taken away ends, and a new one works, without a restart. */
const KEPT_MS = 5 * 60_000;
/** An unknown key has them read again too, but no more often: requests of strangers cost nothing. */
const AGAIN_MS = 60_000;

export interface KeyRingOptions {
  /** What is configured now. */
  readonly read: () => Promise<ConfiguredKeys | string | undefined>;
  readonly log: () => HttpLog;
  /** Milliseconds that never go back. */
  readonly elapsedMs?: () => number;
}

interface Read {
  readonly keys: readonly HashedKey[];
  /** Of the newest attempt to read them. */
  readonly atMs: number;
}

/**
 * The API keys of a process. They are read at the first request, and again as above; a failure then leaves those of before in force
 * until the next attempt, a minute later, and is logged.
 *
 * @returns finds the key of a secret, null when there is none
 */
export const createKeyRing = ({ read, log, elapsedMs = () => performance.now() }: KeyRingOptions) => {
  let current: Read | undefined;
  let reading: Promise<Read> | undefined;

  const readNow = async (): Promise<Read> => {
    const atMs = elapsedMs();
    try {
      const keys = parseApiKeys(await read());
      if (keys.length === 0) log().error("no API keys are configured: every request is refused");
      return (current = { keys, atMs });
    } catch (error) {
      if (current === undefined) throw error;
      log().error("the API keys can't be read again: those of before go on", { reason: messageOf(error) });
      return (current = { ...current, atMs: atMs - KEPT_MS + AGAIN_MS });
    }
  };

  /** However many ask at the same time, they are read once. */
  const readTogether = (): Promise<Read> => (reading ??= readNow().finally(() => (reading = undefined)));

  const isOlderThan = (ms: number, known: Read): boolean => elapsedMs() - known.atMs >= ms;

  return async (secret: string): Promise<ApiKey | null> => {
    if (secret.length < MIN_KEY_CHARACTERS) return null;
    const known = current === undefined || isOlderThan(KEPT_MS, current) ? await readTogether() : current;
    const found = keyOfSecret(known.keys, secret);
    if (found !== null || !isOlderThan(AGAIN_MS, known)) return found;
    return keyOfSecret((await readTogether()).keys, secret);
  };
};

export type KeyRing = ReturnType<typeof createKeyRing>;
