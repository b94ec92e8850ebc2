import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** What a worker that listens offers to who enqueues. */
export interface Room {
  /** Null: all. */
  readonly queues: readonly string[] | null;
  readonly types: readonly string[];
  /** For so many seconds from now; 0: there is none any more. */
  readonly seconds: number;
}

const OFFER = `/* forgeq:offer_room */
select forgeq.offer_room($1::uuid, $2::jsonb, $3, $4::timestamptz)`;

/** Says what a worker has room for, in a statement of its own. */
export const offerRoom = async (
  db: Db,
  input: { readonly worker: string; readonly room: Room; readonly invocation: string | null; readonly at: Date | null },
): Promise<void> => {
  await call(db, OFFER, [input.worker, JSON.stringify(input.room), input.invocation, input.at]);
};
