import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../core/reason.ts";
import { UsageError } from "../failure.ts";
import type { Files } from "./templates.ts";

/**
 * Writes all of the files, or none: a file that is there already is never overwritten, and what was written is taken away again
 * when a later one can't be.
 *
 * @throws {UsageError} that names the file
 */
export const writeFiles = (root: string, files: Files): void => {
  const there = Object.keys(files).find((file) => existsSync(join(root, file)));
  if (there !== undefined) throw new UsageError(`${there} is there already: nothing was changed`);
  const written: string[] = [];
  for (const [file, text] of Object.entries(files)) {
    const path = join(root, file);
    try {
      const made = mkdirSync(dirname(path), { recursive: true });
      if (made !== undefined) written.unshift(made);
      written.unshift(path);
      writeFileSync(path, text, { flag: "wx" });
    } catch (error) {
      for (const each of written) rmSync(each, { recursive: true, force: true });
      throw new UsageError(`${file} can't be written: nothing was changed (${messageOf(error)})`);
    }
  }
};
