/** What a run found: which calls exceed their bounds, and the table of all. */
import { BESIDE_FACTOR, BESIDE_LEAST, boundsFor, type Bound } from "./bounds.ts";
import { BESIDE } from "./calls/held.ts";
import type { Measured } from "./meter.ts";
import type { Sizes } from "./sizes.ts";

const USUAL_LOCKS = 60;

/** A call's bound; beside holders it follows from what the same call cost without them. */
const boundOf = (
  name: string,
  bounds: Readonly<Record<string, Bound>>,
  results: readonly Measured[],
): Bound | undefined => {
  if (!name.endsWith(BESIDE) || bounds[name] !== undefined) return bounds[name];
  const plain = name.slice(0, -BESIDE.length);
  const before = results.find((each) => each.name === plain);
  const bound = bounds[plain];
  if (bound?.absolute || bound === undefined || before === undefined || before.failed !== undefined) return bound;
  return { ...bound, buffers: Math.min(bound.buffers, Math.ceil(BESIDE_FACTOR * before.buffers) + BESIDE_LEAST) };
};

export interface Checked {
  readonly measured: Measured;
  readonly bound: Bound | undefined;
  /** Why the call is over its bound; empty where it is not. */
  readonly over: readonly string[];
}

const overOf = (measured: Measured, bound: Bound | undefined): string[] => {
  if (measured.failed !== undefined) return [measured.failed];
  if (bound === undefined) return ["it has no bound"];
  const { buffers, tempBlocks, locks } = measured;
  const mostLocks = bound.locks ?? USUAL_LOCKS;
  return [
    ...(buffers > bound.buffers ? [`${buffers} buffers, ${bound.buffers} at most`] : []),
    ...(tempBlocks > 0 ? [`${tempBlocks} blocks of temporary files`] : []),
    ...(locks !== null && locks > mostLocks ? [`${locks} locks, ${mostLocks} at most`] : []),
  ];
};

/** @param complete - the run made all calls: a bound without one is a call that nobody measures any more */
export const check = (results: readonly Measured[], sizes: Sizes, complete: boolean): Checked[] => {
  const bounds = boundsFor(sizes);
  const measuredNames = new Set(results.map(({ name }) => name));
  const unmeasured = complete ? Object.keys(bounds).filter((name) => !measuredNames.has(name)) : [];
  const missing = unmeasured.map((name) => ({ name, failed: "nothing calls it" }));
  return [...results, ...missing].map((measured) => {
    const bound = boundOf(measured.name, bounds, results);
    return { measured, bound, over: overOf(measured, bound) };
  });
};

const number = (value: number, places = 0): string => value.toLocaleString("en", { maximumFractionDigits: places });

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** As Markdown. A figure over its bound is bold. */
export const tableOf = (checked: readonly Checked[], { finished, waiting, schedules, queues }: Sizes): string =>
  [
    `${number(finished)} finished jobs in 31 of 40 partitions, ${number(waiting)} waiting, ${number(schedules)} schedules, ${number(queues)} queues and types of one job each.`,
    "",
    row(["call", "buffers", "at most", "WAL bytes", "locks", "statements", "ms"]),
    row(["---", ...Array<string>(6).fill("---:")]),
    ...checked.map(({ measured, bound, over }) => {
      if (measured.failed !== undefined) return row([measured.name, "failed", "", "", "", "", ""]);
      const { name, buffers, walBytes, locks, statements, serverMs } = measured;
      return row([
        name,
        over.length > 0 ? `**${number(buffers)}**` : number(buffers),
        bound === undefined ? "" : number(bound.buffers),
        number(walBytes),
        locks === null ? "" : number(locks),
        number(statements),
        number(serverMs, 2),
      ]);
    }),
  ].join("\n");
