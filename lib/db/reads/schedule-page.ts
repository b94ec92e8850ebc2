import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";
import { PAGE_BYTES } from "./attempts.ts";
import { NOW, SCHEDULE_COLUMNS, type ScheduleNow } from "./schedules.ts";

/** What a schedule takes beside its payload, about. */
const SCHEDULE_BYTES = 700;

const PAGE = `/* forgeq:schedule_page */
select ${SCHEDULE_COLUMNS}, ${NOW("$3")} as now, s.found > s.nth as "hasNext"
from (select s.*, row_number() over w as nth, count(*) over () as found,
             sum(octet_length(s.payload::text) + ${SCHEDULE_BYTES}) over w as filled
      from (select * from forgeq.schedule where name > $1 order by name limit $2::int + 1) s
      window w as (order by s.name)) s
where s.nth = 1 or (s.nth <= $2::int and s.filled < ${PAGE_BYTES})
order by s.name`;

export interface SchedulePage {
  readonly schedules: readonly ScheduleNow[];
  /** The name that the page after this one begins after, null at the end. */
  readonly next: string | null;
}

/** Schedules by name, those after a name: `limit` of them, or as many as four megabytes hold, one at least. */
export const readSchedulePage = async (
  db: Db,
  after: string,
  limit: number,
  at: Date | null,
): Promise<SchedulePage> => {
  const rows = await call<ScheduleNow & { readonly hasNext: boolean }>(db, PAGE, [after, limit, at]);
  const last = rows.at(-1);
  return {
    schedules: rows.map(({ hasNext: _, ...schedule }) => schedule),
    next: last?.hasNext === true ? last.name : null,
  };
};
