import type { Db } from "../drivers/client.ts";
import { isLockTimeout } from "../drivers/failure.ts";

// The statements that are to be run, in their order. An index of the parent alone becomes valid when every partition has its own; partitions that are made
// later get it with their other indexes.
const PARENTS = `/* forgeq:search_indexes */
with declared as (
  select distinct on (name) name, t.type, forgeq.pointer_path(s.pointer) as path
  from forgeq.job_type t
  cross join lateral unnest(t.search) as s(pointer)
  cross join lateral forgeq.search_index_name(t.type, s.pointer) as name),
made as (
  select c.relname as name from pg_catalog.pg_class c
  where c.relnamespace = 'forgeq'::regnamespace and c.relkind = 'I' and c.relname like 'search\\_%')
select format('drop index if exists forgeq.%I', m.name) as statement
from made m where not exists (select from declared d where d.name = m.name)
union all
select format(
  'create index if not exists %I on only forgeq.job_history (left(forgeq.payload_text(payload, %L::text[]), 200), id) where type = %L', d.name, d.path, d.type)
from declared d where not exists (select from made m where m.name = d.name)`;

const PARTITIONS = `/* forgeq:search_index_partitions */
select p.partition, p.parent, p.child, p.state,
       replace(replace(pg_catalog.pg_get_indexdef(p.oid), format('INDEX %s ON ONLY forgeq.job_history', p.parent),
                       format('INDEX CONCURRENTLY IF NOT EXISTS %I ON forgeq.%I', p.child, p.partition)), 'ON ONLY', 'ON') as create
from (
  select i.relname as parent, i.oid, t.relname as partition, t.relname || '_' || i.relname as child,
         case when x.indisvalid then 'built' when x.indisvalid is not null then 'broken' else 'missing' end as state
  from pg_catalog.pg_class i
  join pg_catalog.pg_index pi on pi.indexrelid = i.oid and not pi.indisvalid
  join pg_catalog.pg_inherits h on h.inhparent = 'forgeq.job_history'::regclass
  join pg_catalog.pg_class t on t.oid = h.inhrelid
  left join pg_catalog.pg_class c on c.relnamespace = 'forgeq'::regnamespace and c.relname = t.relname || '_' || i.relname
  left join pg_catalog.pg_index x on x.indexrelid = c.oid
  where i.relnamespace = 'forgeq'::regnamespace and i.relkind = 'I' and i.relname like 'search\\_%'
    and not exists (
      select from pg_catalog.pg_inherits k join pg_catalog.pg_index ki on ki.indexrelid = k.inhrelid
      where k.inhparent = i.oid and ki.indrelid = t.oid)) p
order by p.parent, p.partition desc`;

interface Partition {
  readonly partition: string;
  readonly parent: string;
  readonly child: string;
  readonly state: "missing" | "broken" | "built";
  readonly create: string;
}

const TRIES = 20;
const PAUSE_MS = 100;

/** Tries for its locks, so that nobody queues behind it for longer than that. */
const briefly = async (db: Db, statement: string): Promise<void> => {
  for (let tried = 1; ; tried += 1) {
    try {
      return await db.transaction(async (tx) => {
        await tx.query("set local lock_timeout = '200ms'");
        await tx.query(statement);
      });
    } catch (error) {
      if (tried === TRIES || !isLockTimeout(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
};

/**
 * Makes the indexes of declared search that are missing, and drops those that nothing declares any more. Week by week and concurrently: jobs are enqueued and
 * settled meanwhile, and a search by them reads as one that is not declared until the last week is done. What was interrupted goes on with the next call.
 *
 * @returns the number of partitions that got an index
 */
export const ensureSearchIndexes = async (db: Db): Promise<number> => {
  for (const { statement } of await db.query<{ statement: string }>(PARENTS, [])) await briefly(db, statement);
  const partitions = await db.query<Partition>(PARTITIONS, []);
  for (const { parent, child, state, create } of partitions) {
    if (state === "broken") await db.query(`drop index concurrently if exists forgeq."${child}"`, []);
    if (state !== "built") await db.query(create, []);
    await briefly(db, `alter index forgeq."${parent}" attach partition forgeq."${child}"`);
  }
  return partitions.length;
};
