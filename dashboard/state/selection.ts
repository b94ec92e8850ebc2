/** The jobs that are selected. They are known by their ids, so that a row that moves takes its selection along. */
import { signal } from "@preact/signals";

export interface Selected {
  readonly id: string;
  readonly life: number;
}

export const selected = signal<ReadonlyMap<string, Selected>>(new Map());
let lastId: string | null = null;

export const clearSelection = (): void => {
  lastId = null;
  if (selected.peek().size > 0) selected.value = new Map();
};

/** Selects a row or takes it out; `range`: with all rows from the one before to it. */
export const toggle = (rows: readonly Selected[], id: string, range: boolean): void => {
  const ids = rows.map((row) => row.id);
  const [from = -1, to = -1] = [ids.indexOf(range ? (lastId ?? id) : id), ids.indexOf(id)].sort((a, b) => a - b);
  const next = new Map(selected.peek());
  const on = !next.has(id);
  for (const { id: each, life } of rows.slice(Math.max(from, 0), to + 1)) {
    if (on) next.set(each, { id: each, life });
    else next.delete(each);
  }
  lastId = id;
  selected.value = next;
};

export const selectAll = (rows: readonly Selected[]): void => {
  selected.value = new Map(rows.map(({ id, life }) => [id, { id, life }]));
};
