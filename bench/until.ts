/** Asks every `everyMs` until the answer is true. */
export const until = async (
  question: () => Promise<boolean> | boolean,
  everyMs = 3,
  deadlineSeconds = 120,
): Promise<void> => {
  const startedMs = performance.now();
  while (!(await question())) {
    if (performance.now() - startedMs > deadlineSeconds * 1000) throw new Error("a benchmark waited too long");
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
};
