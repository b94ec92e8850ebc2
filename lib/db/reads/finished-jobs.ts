import { asSql, type Queryable } from "../drivers/client.ts";

/** How far a reader of the history has come: the key of the last row it has seen. */
export interface HistoryKey {
  readonly id: string;
  readonly life: number;
}

/** The jobs of one hour (UTC, of `finished_at`), type and final state. */
export interface FinishedCount {
  readonly hour: Date;
  readonly type: string;
  readonly state: "completed" | "dead" | "cancelled";
  readonly count: number;
}

/** One page of the history, counted. `next` is null on the last page. */
export interface HistoryPage {
  readonly examined: number;
  readonly next: HistoryKey | null;
  readonly counts: readonly FinishedCount[];
}

export interface HistoryPageInput {
  readonly from: Date;
  readonly to: Date;
  /** Null before the first page. */
  readonly after: HistoryKey | null;
  /** Rows one page examines at most. */
  readonly pageRows: number;
}

interface Row {
  readonly examined: number;
  readonly id: string | null;
  readonly life: number | null;
  readonly counts: readonly (Omit<FinishedCount, "hour"> & { readonly hour: string })[] | null;
}

// The inner limit counts rows before the window is applied: whole partitions ($3 to $4 are their bounds) are walked in
// key order, so a page examines $7 rows although few of them may lie in the window.
const HISTORY_PAGE = `/* forgeq:report_page */
with page as materialized (
  select id, life, finished_at, type, state
  from forgeq.job_history
  where finished_at >= $3 and finished_at < $4 and (id, life) > ($5::uuid, $6::integer)
  order by id, life
  limit $7
), counted as (
  select date_trunc('hour', finished_at, 'UTC') as hour, type, state::text as state, count(*)::integer as count
  from page
  where finished_at >= $1 and finished_at < $2
  group by 1, 2, 3
)
select (select count(*)::integer from page) as examined, last.id, last.life,
  (select json_agg(json_build_object(
    'hour', to_char(hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24:00:00"Z"'), 'type', type, 'state', state, 'count', count))
  from counted) as counts
from (select 1) as one
left join (select id, life from page order by id desc, life desc limit 1) as last on true`;

const HISTORY_BOUNDS = `/* forgeq:report_bounds */
select lower_at as "lower", upper_at as "upper" from forgeq.history_bounds($1, $2)`;

const LOWEST: HistoryKey = { id: "00000000-0000-0000-0000-000000000000", life: -1 };

/**
 * Counts one page of the jobs that finished in [from, to), in the order of the history's key. A page is a statement of
 * its own: jobs that finish between two pages with a key already passed are not seen.
 *
 * @param client - a `pg` client, a Neon client, or any object with `query(text, params)`
 */
export const countHistoryPage = async (client: Queryable, input: HistoryPageInput): Promise<HistoryPage> => {
  const { from, to, pageRows } = input;
  const after = input.after ?? LOWEST;
  const sql = asSql(client);
  const [bounds] = await sql.query<{ lower: string; upper: string }>(HISTORY_BOUNDS, [from, to]);
  const { lower, upper } = bounds!;
  const [row] = await sql.query<Row>(HISTORY_PAGE, [from, to, lower, upper, after.id, after.life, pageRows]);
  const { examined, id, life, counts } = row!;
  return {
    examined,
    next: examined < pageRows || id === null || life === null ? null : { id, life },
    counts: (counts ?? []).map((count) => ({ ...count, hour: new Date(count.hour) })),
  };
};
