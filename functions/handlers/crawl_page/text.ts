/** So many characters of a text are looked at, with its spaces: to clean 5 MB of short words takes hundreds of megabytes. */
export const MAX_WRITTEN = 64 * 1024;

/** One line of text as Postgres and JSON can hold it, cut at `maxLength` UTF-16 units; null when nothing is left. */
export const cleanText = (text: string, maxLength: number): string | null => {
  const written = text.slice(0, MAX_WRITTEN);
  // eslint-disable-next-line no-control-regex
  const line = written.replace(/[\s\u0000-\u001f\u007f]+/g, " ").trim();
  // Cutting may halve a surrogate pair.
  return line.slice(0, maxLength).toWellFormed().trim() || null;
};

/** Counts the runs of non-space that hold a letter or a digit, in text that comes in pieces: none of it is kept. */
export const createWordCounter = () => {
  let count = 0;
  // The last piece ended inside a word that is counted.
  let inWord = false;
  return {
    add: (text: string): void => {
      if (text === "") return;
      const rest = inWord ? text.search(/\s/) : 0;
      if (rest < 0) return;
      const word = /[\p{L}\p{N}]\S*/gu;
      word.lastIndex = rest;
      inWord = false;
      while (word.test(text)) {
        count += 1;
        inWord = word.lastIndex === text.length;
      }
    },
    count: (): number => count,
  };
};

/** How many runs of non-space hold a letter or a digit. */
export const countWords = (text: string): number => {
  const words = createWordCounter();
  words.add(text);
  return words.count();
};
