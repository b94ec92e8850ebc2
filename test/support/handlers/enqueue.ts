import { createHandler } from "../../../functions/enqueue.ts";
import { runtime } from "../../../lib/runtime.ts";
import { faulty, relay, steady } from "./jobs.ts";

export const handler = createHandler(
  () => runtime().deps(),
  () => runtime().apiKeys(),
  [faulty, relay, steady],
);
