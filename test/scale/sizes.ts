/** How large the database of a run is. */
import { parseArgs } from "node:util";

export interface Sizes {
  readonly finished: number;
  readonly waiting: number;
  readonly schedules: number;
  /** In addition to those of the calls, each with a type and a job of its own. */
  readonly queues: number;
}

export interface Options {
  readonly sizes: Sizes;
  /** Measure again beside a snapshot and two transactions that are held open. */
  readonly held: boolean;
  /** Write the table into docs/explanation/scale.md. */
  readonly write: boolean;
  /** Only make the cluster that runs copy. */
  readonly fillOnly: boolean;
  /** Where the clusters are kept. */
  readonly folder: string | undefined;
}

const USAGE = `usage: npm run scale -- [--finished N] [--waiting N] [--schedules N] [--queues N] [--held] [--write] [--fill-only] [--folder PATH]

Fills a database, sends every call, and prints what each one costs beside its bound. Exit 1 where one exceeds it.

  --finished N   finished jobs; 200000 where it is not given
  --waiting N    waiting jobs; 50000
  --schedules N  schedules; 200
  --queues N     queues, besides those of the calls; 100
  --held         measures again beside transactions that are held open
  --write        puts the table into docs/explanation/scale.md
  --fill-only    only fills the database, which later runs copy
  --folder PATH  where the databases are kept`;

/** Prints how it is called and exits with 0 for `--help`; exits with 2 where an argument is not known, or no whole number. */
export const parseOptions = (args: readonly string[]): Options => {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        finished: { type: "string", default: "200000" },
        waiting: { type: "string", default: "50000" },
        schedules: { type: "string", default: "200" },
        queues: { type: "string", default: "100" },
        held: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
        "fill-only": { type: "boolean", default: false },
        folder: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const sizes = {
      finished: Number(values.finished),
      waiting: Number(values.waiting),
      schedules: Number(values.schedules),
      queues: Number(values.queues),
    };
    if (!Object.values(sizes).every((size) => Number.isSafeInteger(size) && size >= 0))
      throw new Error("a size is a whole number");
    return { sizes, held: values.held, write: values.write, fillOnly: values["fill-only"], folder: values.folder };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exit(2);
  }
};
