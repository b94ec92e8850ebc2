import { idOf } from "../core/id-of.ts";
import { messageOf } from "../core/reason.ts";
import type { GlobalOptions } from "./command.ts";
import { UsageError } from "./failure.ts";
import { print, printJson } from "./terminal.ts";

/** `forgeq id`: the id of a caller's own key, as `forgeq.id_of` makes it. Needs no database. */
export const runId = (key: string, madeAt: Date, { json }: GlobalOptions): void => {
  let id: string;
  try {
    id = idOf(key, madeAt);
  } catch (error) {
    throw new UsageError(messageOf(error).replace(/^idOf needs/, "give"), { cause: error });
  }
  if (json === true) printJson({ id });
  else print(id);
};
