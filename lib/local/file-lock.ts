import { randomUUID } from "node:crypto";
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { isRunning, type ProcessIdentity, thisProcess } from "./process-identity.ts";

const PAUSE_MS = 20;

interface Ticket extends ProcessIdentity {
  readonly free?: boolean;
}

const numbersOf = (path: string): number[] =>
  readdirSync(dirname(path))
    .filter((name) => name.startsWith(`${basename(path)}.`) && /\.\d+$/.test(name))
    .map((name) => Number(name.slice(name.lastIndexOf(".") + 1)));

const readTicket = (file: string): Ticket | null => {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Ticket;
  } catch {
    return null;
  }
};

/** The lock file is whole from the start: it is written under another name, then linked, which fails when the name is taken. */
const tryCreate = (file: string, ticket: Ticket): boolean => {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(ticket), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
};

/** Takes the lock, or gives null when somebody has it. */
const tryLock = (path: string): { release(): void } | null => {
  const newest = Math.max(0, ...numbersOf(path));
  const held = newest === 0 ? null : readTicket(`${path}.${newest}`);
  if (held !== null && held.free !== true && isRunning(held)) return null;
  const file = `${path}.${newest + 1}`;
  if (!tryCreate(file, thisProcess())) return null;
  const numbers = numbersOf(path);
  // Others went on so fast that the number after the one seen here was free again: the greatest number has the lock.
  if (Math.max(...numbers) > newest + 1) {
    rmSync(file, { force: true });
    return null;
  }
  for (const number of numbers) if (number <= newest) rmSync(`${path}.${number}`, { force: true });
  return {
    // Kept as the greatest number, so that numbers only grow.
    release: () => {
      const freed = `${file}.${randomUUID()}`;
      writeFileSync(freed, JSON.stringify({ ...thisProcess(), free: true }), { mode: 0o600 });
      renameSync(freed, file);
    },
  };
};

/**
 * Runs `work` while no other process of this machine does under the same path. The lock of a process that died, however it went, is
 * free: tickets are numbered files that name their holder, and the greatest number has the lock.
 *
 * @param path - of the lock; its folder exists
 */
export const withFileLock = async <Result>(path: string, work: () => Promise<Result>): Promise<Result> => {
  for (;;) {
    const lock = tryLock(path);
    if (lock === null) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * (0.5 + Math.random())));
      continue;
    }
    try {
      return await work();
    } finally {
      lock.release();
    }
  }
};
