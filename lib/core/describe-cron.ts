/** A cron rule in English words, as "At 09:00 AM, Monday through Friday". The library is loaded at first use: only people need it. */
export const describeCron = async (cron: string): Promise<string> => {
  const { default: cronstrue } = await import("cronstrue");
  try {
    return cronstrue.toString(cron, { verbose: true, throwExceptionOnParseError: true });
  } catch {
    return cron;
  }
};
