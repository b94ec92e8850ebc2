/** What a caller said of a job is there as long as the job: in its row, in the history, and in the row of its next life. */
import { describe, expect, it } from "vitest";
import { cancel, revive } from "../../../lib/db/reads/jobs.ts";
import { type Setup, setup } from "../../support/queue.ts";

/** They say what becomes of a job. */
const OWN = ["id", "life", "attempt", "created_at", "run_at"];

const SAMPLES: Readonly<Record<string, string>> = {
  text: "sample",
  integer: "1",
  smallint: "1",
  boolean: "true",
  jsonb: '{"sample": 1}',
  ARRAY: "{sample}",
  "timestamp with time zone": "2030-01-01T00:00:00Z",
};

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Those that job and job_history share, of whatever migration. */
const keptColumns = ({ db }: Setup): Promise<Column[]> =>
  db.query<Column>(
    `select c.column_name as name, c.data_type as type from information_schema.columns c
     join information_schema.columns h on h.table_schema = c.table_schema and h.table_name = 'job_history' and h.column_name = c.column_name
     where c.table_schema = 'forgeq' and c.table_name = 'job' and c.column_name <> all ($1) order by 1`,
    [OWN],
  );

const valuesIn = async ({ db }: Setup, table: string, id: string, columns: readonly Column[]) => {
  const [row] = await db.query<Record<string, unknown>>(
    `select ${columns.map(({ name }) => `${name}::text`).join(", ")} from forgeq.${table} where id = $1`,
    [id],
  );
  return row;
};

/** A job of which every such column has a value. */
const wholeJob = async () => {
  const s = await setup();
  const [id = ""] = await s.queue.enqueue(1, {
    ...{ priority: 3, maxAttempts: 2, uniqueKey: "key", metadata: { some: "value" }, depth: 4 },
    traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`,
  });
  const columns = await keptColumns(s);
  const stored = await valuesIn(s, "job", id, columns);
  for (const { name, type } of columns)
    if (stored?.[name] === null)
      await s.db.query(`update forgeq.job set ${name} = $1 where id = $2`, [SAMPLES[type], id]);
  const values = await valuesIn(s, "job", id, columns);
  expect(Object.values(values!)).not.toContain(null);
  expect(Object.keys(values!)).toEqual(expect.arrayContaining(["metadata", "payload", "type", "unique_key"]));
  return { s, id, columns, values };
};

const error = { name: "Error", message: "no" };
const ENDS: Readonly<Record<string, (s: Setup, id: string) => Promise<unknown>>> = {
  "completes with its lease": async ({ queue }) => queue.settle(await queue.lease(), "completed"),
  "completes with a result": async ({ queue }) => queue.settle(await queue.lease(), "completed", { result: { n: 1 } }),
  dies: async ({ queue }) => queue.settle(await queue.lease(), "dead", { error }),
  "is cancelled while it waits": ({ db, at }, id) => cancel(db, id, at(0)),
};

describe("every column that is not about its course is kept of a job that", () => {
  it.each(Object.keys(ENDS))("%s, and is retried by hand", async (end) => {
    const { s, id, columns, values } = await wholeJob();
    await ENDS[end]!(s, id);
    expect(await valuesIn(s, "job", id, columns)).toBeUndefined();
    expect(await valuesIn(s, "job_history", id, columns)).toEqual(values);

    expect(await revive(s.db, id, 1, s.at(1))).toMatchObject({ outcome: "retried" });
    expect(await valuesIn(s, "job", id, columns)).toEqual(values);
  });
});
