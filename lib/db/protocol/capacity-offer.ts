import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** The capacity that a listening worker offers to whoever enqueues. */
export interface CapacityOffer {
  /** Null: all. */
  readonly queues: readonly string[] | null;
  readonly types: readonly string[];
  /** How long the offer holds from now; 0 takes it back. */
  readonly seconds: number;
  /** Sent to the worker's own channel with the offer: its arrival proves that pushes would arrive, too. */
  readonly probe?: string;
  /** Of the worker's push address; without them nothing is pushed. */
  readonly channel?: string;
  readonly key?: string;
}

const OFFER = `/* forgeq:offer_capacity */
select forgeq.offer_capacity($1::uuid, $2::jsonb, $3, $4::timestamptz)`;

/** Offers a worker's capacity in a statement of its own. */
export const offerCapacity = async (
  db: Db,
  input: {
    readonly worker: string;
    readonly offer: CapacityOffer;
    readonly invocation: string | null;
    readonly at: Date | null;
  },
): Promise<void> => {
  await call(db, OFFER, [input.worker, JSON.stringify(input.offer), input.invocation, input.at]);
};
