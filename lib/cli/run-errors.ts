import { toWireErrors } from "../http/activity-wire.ts";
import { errorGroups } from "../queue/observe/activity.ts";
import type { Window } from "../queue/observe/period-stats.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { COLUMNS } from "./columns.ts";
import { count, printTable } from "./table.ts";
import { firstLine, printable, printJson, say } from "./terminal.ts";

export interface ErrorsOptions {
  readonly window: Window;
  readonly type?: readonly string[];
  readonly queue?: readonly string[];
}

/** As many as GET /errors has. */
const MAX_GROUPS = 50;

/** `forgeq errors`; with --json a group a line. */
export const runErrors = ({ window, type, queue, ...options }: ErrorsOptions & GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "read" }, async (deps) => {
    const found = await errorGroups(deps, window, { types: type ?? null, queues: queue ?? null }, MAX_GROUPS);
    const { data, complete, since } = toWireErrors(found, true);
    if (options.json === true) for (const group of data) printJson(group);
    else if (data.length > 0) {
      const rows = data.map((group) => [
        ...[group.attempts, group.jobs, group.dead].map(count),
        group.last_at.slice(0, 19).replace("T", " "),
        printable(group.types.join(",")),
        group.fingerprint,
        firstLine(`${group.name}: ${group.message ?? ""}`),
      ]);
      printTable(COLUMNS.errors, rows, options);
    } else say(`No attempt has failed within ${window}.`);
    if (!complete) say(`There are more failures than were read: these go back to ${since}.`);
  });
