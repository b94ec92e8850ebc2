import { configure } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";

export interface OpenDatabase {
  close(): Promise<void>;
}

/** Makes the database that the options name this process's own; connect with the runtime's `connection()`. */
export const openDatabase = (options: GlobalOptions, _wanted: { readonly migrate: boolean }): Promise<OpenDatabase> => {
  if (options.databaseUrl !== undefined) configure({ DATABASE_URL: options.databaseUrl });
  return Promise.resolve({ close: () => Promise.resolve() });
};
