import { createHandler } from "../../../functions/enqueue.ts";
import { runtime } from "../../../lib/runtime.ts";
import { faulty, leaky, relay, steady } from "./jobs.ts";

export const handler = createHandler(
  () => runtime().deps(),
  () => runtime().apiKeys(),
  [faulty, leaky, relay, steady],
);
