import type { JobFilter } from "../../core/job-filter.ts";
import { FINISHED_STATES } from "./jobs.ts";

/** A row of a list: a job, or, its id null, how far the list came. */
export type ListedRow<Row extends { readonly id: string }> =
  (Row & { readonly searchedTo: null }) | { readonly id: null; readonly searchedTo: string | null };

/** The statements of one kind of list: over live jobs, finished ones, or both. */
interface ListTexts {
  readonly live: string;
  readonly finished: string;
  readonly all: string;
}

const LIVE = "forgeq.list_live($1::jsonb, $2::uuid, $3::int, $4::boolean, $5::timestamptz) with ordinality";
const finishedDownTo = (edge: string) =>
  `forgeq.list_finished($1::jsonb, $2::uuid, ${edge}, $3::int, $4::boolean, $5::timestamptz) with ordinality`;

/** @param select - a query over a list, which it names `l`; its rows go back as ListedRow */
export const listTexts = (name: string, select: (list: string) => string): ListTexts => ({
  live: `/* forgeq:${name}_live */
${select(LIVE)}`,
  finished: `/* forgeq:${name}_finished */
${select(finishedDownTo("null"))}`,
  // Finished jobs are of no use to this page below where the list of live ones ends.
  all: `/* forgeq:${name}_jobs */
with live as materialized (select * from ${LIVE}),
edge as (
  select greatest(
    (select searched_to from live where id is null), (select id from live where id is not null order by id desc limit 1 offset $3::int)) as id)
${select("live")}
union all
${select(finishedDownTo("(select id from edge)"))}`,
});

/** The one of them that reads no more tables than a filter needs. */
export const textFor = (texts: ListTexts, { states }: JobFilter): string => {
  const finished = states?.filter((state) => FINISHED_STATES.includes(state)).length ?? 0;
  if (states === undefined || (finished > 0 && finished < states.length)) return texts.all;
  return finished > 0 ? texts.finished : texts.live;
};

/** The jobs of the rows, newest id first. Of the lists that they are from, the one that came less far says where this page ends: `edge`. */
export const mergeLists = <Row extends { readonly id: string }>(
  rows: readonly ListedRow<Row>[],
): { readonly found: (Row & { readonly searchedTo: null })[]; readonly edge: string | null } => {
  const ends = rows.flatMap((row) => (row.id === null && row.searchedTo !== null ? [row.searchedTo] : []));
  const edge = ends.sort().at(-1) ?? null;
  const found = rows
    .filter((row) => row.id !== null)
    .filter(({ id }) => edge === null || id >= edge)
    .sort((a, b) => (a.id < b.id ? 1 : -1));
  return { found, edge };
};
