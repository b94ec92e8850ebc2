import { ForgeqError } from "../../core/errors.ts";
import { callIn, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { isLockTimeout } from "../drivers/failure.ts";
import { transactAgain } from "../drivers/transact.ts";

const BEGIN = `/* forgeq:begin_idempotent */
select outcome, status, answer, headers from forgeq.begin_idempotent($1, $2, $3)`;

const END = `/* forgeq:end_idempotent */
select forgeq.end_idempotent($1, $2, $3::int, $4, $5::json)`;

/** A request that its caller has named by a key. */
export interface KeyedRequest {
  readonly caller: string;
  readonly key: string;
  /** Another one under the same key is another request. */
  readonly fingerprint: string;
}

/** What the first request was answered with. */
export interface KeptAnswer {
  readonly status: number;
  readonly answer: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answered {
  readonly kept: KeptAnswer;
  /** An earlier request did the work. */
  readonly replayed: boolean;
}

interface BeganRow extends KeptAnswer {
  readonly outcome: "first" | "again" | "reused";
}

export const keyInUse = (cause?: unknown): ForgeqError =>
  new ForgeqError("idempotency_key_in_use", "The first request with this Idempotency-Key is under way", {}, { cause });

export const keyReused = (): ForgeqError =>
  new ForgeqError("idempotency_key_reused", "This Idempotency-Key was sent with another request");

const begin = async (tx: Db, { caller, key, fingerprint }: KeyedRequest): Promise<BeganRow> => {
  try {
    return only(await callIn<BeganRow>(tx, BEGIN, [caller, key, fingerprint]));
  } catch (error) {
    throw error instanceof ForgeqError && isLockTimeout(error.cause) ? keyInUse(error.cause) : error;
  }
};

/**
 * Does what a request asks for once in a day, however often it comes: the work and its answer are one transaction. A request that comes
 * meanwhile waits for its end, 2 s at most. Work that throws leaves nothing behind, so the same key does it anew.
 *
 * @param work - everything that it does in the database goes through `tx`; run again where the transaction has to be
 * @throws {ForgeqError} `idempotency_key_in_use`, `idempotency_key_reused`: nothing was done
 */
export const answerOnce = (db: Db, request: KeyedRequest, work: (tx: Db) => Promise<KeptAnswer>): Promise<Answered> =>
  transactAgain(db, async (tx) => {
    const { outcome, status, answer, headers } = await begin(tx, request);
    if (outcome === "reused") throw keyReused();
    if (outcome === "again") return { kept: { status, answer, headers }, replayed: true };
    const kept = await work(tx);
    await callIn(tx, END, [request.caller, request.key, kept.status, kept.answer, JSON.stringify(kept.headers)]);
    return { kept, replayed: false };
  });
