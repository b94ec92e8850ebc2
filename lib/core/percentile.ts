/**
 * A percentile of a histogram, in seconds: linear within the bucket that it falls into. In the last bucket, which has no end, it is where that begins.
 *
 * @param counts - of each bucket, not cumulative; one more than there are bounds
 * @param bounds - upper ones, ascending
 * @param share - 0.95 is the 95th percentile
 * @returns null where nothing was counted
 */
export const percentile = (counts: readonly number[], bounds: readonly number[], share: number): number | null => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = share * total;
  let passed = 0;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && passed + count >= rank) {
      const low = index === 0 ? 0 : (bounds[index - 1] ?? 0);
      const high = bounds[index] ?? low;
      return low + (high - low) * ((rank - passed) / count);
    }
    passed += count;
  }
  return bounds.at(-1) ?? null;
};
