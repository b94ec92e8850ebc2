/** One line of text as Postgres and JSON can hold it, cut at `maxLength` UTF-16 units; null when nothing is left. */
export const cleanText = (text: string, maxLength: number): string | null => {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\s\u0000-\u001f\u007f]+/g, " ").trim();
  // Cutting may halve a surrogate pair.
  return line.slice(0, maxLength).toWellFormed().trim() || null;
};

/** How many runs of non-space hold a letter or a digit. */
export const countWords = (text: string): number => {
  const word = /[\p{L}\p{N}]\S*/gu;
  let count = 0;
  while (word.test(text)) count += 1;
  return count;
};
