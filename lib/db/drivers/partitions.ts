import type { Db } from "./client.ts";

const ENSURE_PARTITIONS = `/* forgeq:ensure_partitions */
select forgeq.ensure_partitions($1::int, $2::timestamptz) as made`;

/**
 * Makes the weekly history partitions from last week to eight weeks ahead.
 *
 * @returns the number of partitions made; 0 also when another caller is at it
 */
export const ensurePartitions = async (db: Db, at: Date | null = null): Promise<number> => {
  const [row] = await db.query<{ made: number }>(ENSURE_PARTITIONS, [8, at]);
  return row?.made ?? 0;
};
