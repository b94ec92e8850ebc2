import { idOf } from "../core/id-of.ts";
import type { GlobalOptions } from "./command.ts";
import { print, printJson } from "./terminal.ts";

/** `forgeq id`: the id of a caller's own key, as `forgeq.id_of` makes it. Needs no database. */
export const runId = (key: string, madeAt: Date, { json }: GlobalOptions): void => {
  const id = idOf(key, madeAt);
  if (json === true) printJson({ id });
  else print(id);
};
