import type { ConfiguredKeys } from "../core/configured-keys.ts";
import { messageOf } from "../core/reason.ts";
import { type ApiKey, type HashedKey, keyOfSecret, MIN_KEY_CHARACTERS, parseApiKeys } from "./api-keys.ts";
import type { HttpLog } from "./problem.ts";
import type { RateLimit } from "./rate-limit.ts";
import { hasStoredForm, isStoredId } from "./stored-form.ts";
import type { StoredKey } from "./stored-keys.ts";

/** Keys are read again after five minutes, so that a key that was taken away ends, and a new one works, without a restart. */
const KEPT_MS = 5 * 60_000;
/** An unknown key has them read again too, but no more often: requests of strangers cost nothing. */
const AGAIN_MS = 60_000;

/** A key of the database is asked for once a minute, so that a revoked one ends within a minute. */
const STORED_MS = 60_000;
/** Keys of the database that are known at a time. Only those get here whose check is right. */
const MOST_STORED = 1_000;

/** Loaded where there is a secret, or a key of the database. */
const storedKeys = () => import("./stored-keys.ts");

const secretsOf = async (text: string | undefined): Promise<readonly Buffer[]> =>
  text === undefined ? [] : (await storedKeys()).parseSecrets(text);

const limitOf = async (rate: string, elapsedMs: () => number): Promise<RateLimit> => {
  // Loaded where one is configured.
  const { createRateLimit, parseRate } = await import("./rate-limit.ts");
  return createRateLimit(parseRate(rate), elapsedMs);
};

export interface KeyRingOptions {
  /** What is configured now. */
  readonly read: () => Promise<ConfiguredKeys | string | undefined>;
  /** Asks the database for a key; without it there are none of the database. */
  readonly findStored?: ((id: string) => Promise<StoredKey | null>) | undefined;
  readonly log: () => HttpLog;
  /** Milliseconds that never go back. */
  readonly elapsedMs?: () => number;
}

interface Read {
  readonly keys: readonly HashedKey[];
  readonly secrets: readonly Buffer[];
  /** Of the newest attempt to read them. */
  readonly atMs: number;
}

/**
 * The API keys of a process. They are read at the first request, and again as above; a failure then leaves those of before in force
 * until the next attempt, a minute later, and is logged.
 *
 * @returns `find` gives the key of a secret, null when there is none
 */
export const createKeyRing = ({ read, findStored, log, elapsedMs = () => performance.now() }: KeyRingOptions) => {
  let current: Read | undefined;
  let reading: Promise<Read> | undefined;
  let limit: RateLimit | null = null;

  const readNow = async (): Promise<Read> => {
    const atMs = elapsedMs();
    try {
      const configured = await read();
      const keys = parseApiKeys(configured);
      const secrets = await secretsOf(typeof configured === "object" ? configured.secret : undefined);
      const rate = typeof configured === "object" ? configured.rate : undefined;
      if (rate !== undefined) limit ??= await limitOf(rate, elapsedMs);
      if (keys.length + secrets.length === 0) log().error("no API keys are configured: every request is refused");
      return (current = { keys, secrets, atMs });
    } catch (error) {
      if (current === undefined) throw error;
      log().error("the API keys can't be read again: those of before go on", { reason: messageOf(error) });
      return (current = { ...current, atMs: atMs - KEPT_MS + AGAIN_MS });
    }
  };

  /** However many ask at the same time, they are read once. */
  const readTogether = (): Promise<Read> => (reading ??= readNow().finally(() => (reading = undefined)));

  const isOlderThan = (ms: number, { atMs }: Read): boolean => elapsedMs() - atMs >= ms;

  const stored = new Map<string, { readonly key: Promise<StoredKey | null>; readonly atMs: number }>();

  const askFor = (id: string): Promise<StoredKey | null> => {
    const seen = stored.get(id);
    if (seen !== undefined && elapsedMs() - seen.atMs < STORED_MS) return seen.key;
    if (stored.size >= MOST_STORED) stored.clear();
    const asked = { key: findStored?.(id) ?? Promise.resolve(null), atMs: elapsedMs() };
    stored.set(id, asked);
    // A failure is not kept.
    asked.key.catch(() => stored.get(id) === asked && stored.delete(id));
    return asked.key;
  };

  const findInDatabase = async (secrets: readonly Buffer[], secret: string): Promise<ApiKey | null> => {
    const { idOfStored, matching } = await storedKeys();
    const id = idOfStored(secrets, secret);
    return id === null ? null : matching(await askFor(id), secret);
  };

  const known = async (): Promise<Read> =>
    current === undefined || isOlderThan(KEPT_MS, current) ? readTogether() : current;

  const find = async (secret: string): Promise<ApiKey | null> => {
    if (secret.length < MIN_KEY_CHARACTERS) return null;
    const seen = await known();
    const found = keyOfSecret(seen.keys, secret);
    if (found === null && hasStoredForm(secret)) return findInDatabase(seen.secrets, secret);
    if (found !== null || !isOlderThan(AGAIN_MS, seen)) return found;
    return keyOfSecret((await readTogether()).keys, secret);
  };

  return {
    find,
    /** FORGEQ_SECRET: none, one, or two while one takes the place of the other, the newer one first. */
    secrets: async (): Promise<readonly Buffer[]> => (await known()).secrets,
    /** A key by its id, for who has proved to have had it: one of the database is asked for once a minute. */
    findById: async (id: string): Promise<HashedKey | null> => {
      const configured = (await known()).keys.find((key) => key.id === id);
      if (configured !== undefined || !isStoredId(id)) return configured ?? null;
      const found = await askFor(id);
      return found === null ? null : (await storedKeys()).hashedKey(found);
    },
    /** Counts a request of a key that was found, and gives the headers that say what is left; none without a limit. @throws ForgeqError `rate_limited` */
    take: (key: ApiKey): Record<string, string> | undefined => limit?.(key.id),
  };
};

export type KeyRing = ReturnType<typeof createKeyRing>;
