/** The limit of a local start: one insert that waits for the disk, then the job runs. Its outcome is not written. */
import type { Payload, System } from "../system.ts";
import { system as raw } from "./raw.ts";

export const system: System = {
  prepare: (target) => raw.prepare(target),
  open: async (target) => {
    const client = await raw.open(target);
    let onStart: (payload: Payload) => void = () => undefined;
    return {
      ...client,
      enqueue: async (payload) => {
        await client.enqueue(payload);
        onStart(payload);
      },
      serve: (given) => {
        onStart = given;
        return Promise.resolve();
      },
    };
  },
};
