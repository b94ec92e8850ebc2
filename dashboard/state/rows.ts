/** Rows of a list that goes on changing. While they are held they stay where they are: what changed is shown in place, what is new waits. */

interface Identified {
  readonly id: string;
}

export interface Shown<Row> {
  readonly rows: readonly Row[];
  /** Rows of the newest answer that are not shown yet. */
  readonly newer: number;
  /** Rows that the newest answer no longer has, although it would. */
  readonly left: ReadonlySet<string>;
}

interface Answer<Row> {
  readonly data: readonly Row[];
  readonly next_cursor: string | null;
}

const NONE: ReadonlySet<string> = new Set();

/** What to show of an answer, after what was shown before of the same question. */
export const shownRows = <Row extends Identified>(
  before: Shown<Row> | null,
  { data, next_cursor }: Answer<Row>,
  held: boolean,
): Shown<Row> => {
  if (before === null || !held) return { rows: data, newer: 0, left: NONE };
  const fresh = new Map(data.map((row) => [row.id, row]));
  const known = new Set(before.rows.map(({ id }) => id));
  const isWhole = next_cursor === null;
  return {
    rows: before.rows.map((row) => fresh.get(row.id) ?? row),
    newer: data.filter(({ id }) => !known.has(id)).length,
    left: isWhole ? new Set([...known].filter((id) => !fresh.has(id))) : NONE,
  };
};

/** More rows below, each job once. */
export const withOlder = <Row extends Identified>(shown: Shown<Row>, older: readonly Row[]): Shown<Row> => {
  const known = new Set(shown.rows.map(({ id }) => id));
  return { ...shown, rows: [...shown.rows, ...older.filter(({ id }) => !known.has(id))] };
};
