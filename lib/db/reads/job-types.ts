import { call } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** A job type as the database knows it: the code's policy, or an operator's where `overridden` names it. */
export interface StoredType {
  readonly type: string;
  readonly queue: string;
  /** Where its jobs may go besides. */
  readonly queues: readonly string[];
  readonly priority: number;
  readonly maxAttempts: number;
  /** As backoffToWire writes it. */
  readonly backoff: Readonly<Record<string, unknown>>;
  readonly timeoutSeconds: number;
  readonly leaseSeconds: number;
  readonly batchSize: number;
  readonly search: readonly string[];
  /** Every index of declared search is whole. */
  readonly searchReady: boolean;
  readonly overridden: readonly string[];
}

const TYPES = `/* forgeq:job_types */
select t.type, t.queue, t.listed_queues as queues, t.priority, t.max_attempts as "maxAttempts", t.backoff, t.timeout_seconds as "timeoutSeconds",
       t.lease_seconds as "leaseSeconds", t.batch_size as "batchSize", t.search, t.overridden,
       not exists (
         select from unnest(t.search) as s(pointer)
         left join pg_catalog.pg_index i on i.indexrelid = to_regclass('forgeq.' || forgeq.search_index_name(t.type, s.pointer))
         where i.indisvalid is not true) as "searchReady"
from forgeq.job_type t
where t.type > $1 and ($2::text[] is null or t.type = any ($2))
order by t.type
limit $3::int`;

/** Job types by name, those of `only` where it is not null: as many as `limit` after a name, "" being before all. */
export const readTypes = (
  db: Db,
  only: readonly string[] | null,
  page: { readonly limit: number; readonly after: string },
): Promise<StoredType[]> => call<StoredType>(db, TYPES, [page.after, only, page.limit]);
