/** What a function on Lambda does before its first event: a whole core is its own then, and a seventh of one later. */
import { type Part, readConfig, runtime, setting } from "./runtime.ts";

const KIND = "AWS_LAMBDA_INITIALIZATION_TYPE";

/** On Lambda itself, and not in a local run of its functions. */
export const isOnLambda = (): boolean => setting(KIND) !== undefined;

/** The functions that ask for keys. */
const PARTS: Partial<Record<string, Part>> = { enqueue: "ENQUEUE", api: "API" };

/**
 * Does what needs no event: reads the secrets, loads the driver, makes what TLS needs. Nothing reaches the database, because no key has been shown yet.
 * Elsewhere than on Lambda it does nothing. It never throws: whoever needs the same again says what is wrong.
 */
export const prepare = async (): Promise<void> => {
  // A snapshot would keep a secret.
  if (setting(KIND)?.startsWith("snap") !== false) return;
  const { service, stage, eager } = readConfig();
  const part = PARTS[(setting("AWS_LAMBDA_FUNCTION_NAME") ?? "").slice(`${service}-${stage}-`.length)];
  const own = runtime();
  // The keys first: they say which other secrets the same request reads.
  await Promise.allSettled([part && own.apiKeys(), own.deps(part), eager && import("./queue/enqueue/eager-invoke.ts")]);
};
