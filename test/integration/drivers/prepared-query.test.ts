import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import type { ShortClient } from "../../../lib/db/drivers/cancel.ts";
import { createOverdue } from "../../../lib/db/drivers/overdue.ts";
import { NamedQuery } from "../../../lib/db/drivers/prepared-query.ts";
import { submit } from "../../../lib/db/drivers/session.ts";
import { createTestDatabase } from "../../support/database/database.ts";

/** A client of pg's own, how often it was told of columns, and how to send it a statement by a name. */
const setup = async () => {
  const { url } = await createTestDatabase();
  const client = new pg.Client(url);
  await client.connect();
  onTestFinished(() => client.end());
  let descriptions = 0;
  const { connection } = client as unknown as { connection: pg.Connection };
  connection.on("rowDescription", () => (descriptions += 1));
  const send = (text: string, values: readonly unknown[] = [], name = "named") =>
    submit(
      {
        query: (query, done) => void client.query(query as NamedQuery, done),
        release: () => undefined,
        processID: null,
        secretKey: null,
      },
      new NamedQuery(text, name, values),
      { ms: 5_000, overdue: createOverdue(() => new pg.Client(url) as unknown as ShortClient) },
    );
  return { client, send, descriptions: () => descriptions };
};

const ALL_KINDS = `select n, n::int8 as big, n / 3.0 as fraction, n % 2 = 0 as even, 'it''s “odd” \\ 🦉' as text, null as nothing,
  $1::timestamptz as instant, $2::jsonb as document, $3::text[] as list, $4::uuid as id, $5::bytea as bytes, $6::float8 as number
from generate_series(1, 3) n`;
const VALUES = [
  "2026-01-02T03:04:05.678Z",
  { deep: [1, null, { 'a "key"': "ü" }] },
  ['a "quoted" one', "it's, here", null, "\\"],
  "0198f2c1-0000-7000-8000-000000000001",
  Buffer.from([0, 1, 254, 255]),
  0.1,
];

it("answers as pg's own query does, each time", async () => {
  const { client, send } = await setup();
  const { rows } = await client.query<object>(ALL_KINDS, VALUES);
  expect(rows).toHaveLength(3);
  for (let n = 0; n < 3; n += 1) expect((await send(ALL_KINDS, VALUES)).rows).toEqual(rows);
});

it("asks once what the columns of a name are", async () => {
  const { send, descriptions } = await setup();
  for (let n = 0; n < 3; n += 1) {
    expect((await send("select $1::int as one", [n])).rows).toEqual([{ one: n }]);
    expect((await send("select $1::text as other", [n], "other")).rows).toEqual([{ other: String(n) }]);
  }
  expect(descriptions()).toBe(2);
});

it("takes no rows, and nulls for parameters", async () => {
  const { send } = await setup();
  const text = "select $1::text as value where $1 is not null";
  expect((await send(text, [null])).rows).toEqual([]);
  expect((await send(text, [undefined])).rows).toEqual([]);
  expect((await send(text, ["there"])).rows).toEqual([{ value: "there" }]);
});

it("goes on after an error of Postgres, whenever it comes", async () => {
  const { send } = await setup();
  const text = "select 10 / $1::int as tenth";
  await expect(send("select nothing", [], "unparsed")).rejects.toMatchObject({ code: "42703" });
  await expect(send(text, ["no number"])).rejects.toMatchObject({ code: "22P02" });
  await expect(send(text, [0])).rejects.toMatchObject({ code: "22012" });
  expect((await send(text, [5])).rows).toEqual([{ tenth: 2 }]);
});

it("fails, and no other does, when a value can't be read", async () => {
  const { client, send } = await setup();
  await client.query("set datestyle = 'German'");
  await expect(send("select now() as at", [], "at")).rejects.toThrow("DateStyle");
  expect((await send("select 1 as one")).rows).toEqual([{ one: 1 }]);
});

it("fails with the connection", async () => {
  const { client, send } = await setup();
  client.on("error", () => undefined);
  const waits = send("select pg_terminate_backend(pg_backend_pid())");
  await expect(waits).rejects.toMatchObject({ code: "57P01" });
  await expect(send("select 1 as one")).rejects.toThrow(/terminated|not queryable|ended/i);
});
