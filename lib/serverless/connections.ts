/** How many connections to Postgres the functions can hold: `forgeq doctor --connections` compares it. */

export interface Reserved {
  readonly key: string;
  /** Null where nothing but the account limits its concurrency. */
  readonly reserved: number | null;
}

export interface Sum {
  readonly connections: number;
  readonly concurrency: number;
  /** The keys of the functions that are not limited. */
  readonly unlimited: readonly string[];
}

/** Connections of one environment while it works; lib/runtime.ts has the same. */
const connectionsOf = (key: string): number => (key === "dispatcher" ? 3 : key.startsWith("handler-") ? 2 : 1);

/** The sum over the functions with a limit. */
export const sumConnections = (functions: readonly Reserved[]): Sum => ({
  connections: functions.reduce((sum, { key, reserved }) => sum + (reserved ?? 0) * connectionsOf(key), 0),
  concurrency: functions.reduce((sum, { reserved }) => sum + (reserved ?? 0), 0),
  unlimited: functions.filter(({ reserved }) => reserved === null).map(({ key }) => key),
});

export const describeSum = ({ connections, concurrency, unlimited }: Sum): string => {
  if (concurrency === 0)
    return "No concurrency is reserved: the account's limit alone bounds how many connections to Postgres the functions open (docs/databases.md).";
  const limited = `Reserved concurrency: ${concurrency} in all, which is ${connections} connections to Postgres at most (docs/databases.md).`;
  return unlimited.length === 0 ? limited : `${limited} Without a limit of their own: ${unlimited.join(", ")}.`;
};
