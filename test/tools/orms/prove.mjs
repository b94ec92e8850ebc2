// Enqueues in a transaction of each library, one that commits and one that rolls back, with the adapters of a folder: those of docs/how-to/transactions.md.
// Says what each gave in one line of JSON. Arguments: the URL of a database, the folder, and host:port of a WebSocket proxy for Neon's driver.
import "reflect-metadata";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { neonConfig, Pool as NeonPool } from "@neondatabase/serverless";
import { drizzle as drizzleOverPg } from "drizzle-orm/node-postgres";
import { drizzle as drizzleOverPostgresJs } from "drizzle-orm/postgres-js";
import knexFor from "knex";
import { Kysely, PostgresDialect, sql as kyselySql } from "kysely";
import pg from "pg";
import postgres from "postgres";
import { DataSource } from "typeorm";
import { sql as drizzleSql } from "drizzle-orm";
import * as z from "zod";
import { enqueue } from "../../../lib/index.ts";
import { defineJob, idOf } from "../../../lib/job.ts";

const [url, folder, wsProxy] = process.argv.slice(2);
const adapters = Object.assign(
  {},
  ...(await Promise.all(
    ["postgres-js", "drizzle", "kysely", "knex"].map(
      (name) => import(pathToFileURL(join(folder, `for-${name}.ts`)).href),
    ),
  )),
);
const { forPostgresJs, forDrizzle, forKysely, forKnex } = adapters;

const greet = defineJob({ type: "greet", payload: z.object({ name: z.string(), tags: z.array(z.string()) }) });
const unknown = defineJob({ type: "unknown", payload: z.object({}) });
const INSERT = "insert into account (name) values ";
const payloadOf = (name) => ({ name, tags: ['a "b"', "c\\d,{}", "é 🎉"] });

class Undone extends Error {}

/** What a service does in its transaction: a row of its own, a plain job, and one whose options take the other statement. */
const work = async (tx, name, insert, undo) => {
  await insert();
  const metadata = { by: name, nested: { n: 1 } };
  await enqueue(tx, greet, payloadOf(name), { metadata, priority: 2 });
  const id = idOf(name, new Date());
  const second = await enqueue(tx, greet, payloadOf(name), { id, uniqueKey: name, delaySeconds: 60, metadata });
  if (second.id !== id || !second.created) throw new Error("the answer was not understood");
  if (undo) throw new Undone();
};

const onClient = (client) => async (name, undo) => {
  await client.query("begin");
  try {
    await work(client, name, () => client.query(`${INSERT}($1)`, [name]), undo);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
};

const drizzled = (db) => (name, undo) =>
  db.transaction((tx) =>
    work(forDrizzle(tx), name, () => tx.execute(drizzleSql`insert into account (name) values (${name})`), undo),
  );

/** Each opens the library, and gives what runs a transaction, what runs one statement, and what closes it. */
const libraries = {
  pg: async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return { run: onClient(client), tx: client, close: () => client.end() };
  },
  neon: async () => {
    neonConfig.wsProxy = (host, port) => `${wsProxy}${host}:${port}`;
    neonConfig.useSecureWebSocket = false;
    neonConfig.pipelineConnect = false;
    const pool = new NeonPool({ connectionString: url });
    const client = await pool.connect();
    const close = async () => {
      client.release();
      await pool.end();
    };
    return { run: onClient(client), tx: client, close };
  },
  "postgres.js": async () => {
    const sql = postgres(url, { max: 1 });
    const run = (name, undo) =>
      sql.begin((tx) => work(forPostgresJs(tx), name, () => tx`insert into account (name) values (${name})`, undo));
    return { run, tx: forPostgresJs(sql), close: () => sql.end() };
  },
  "drizzle over pg": async () => {
    const pool = new pg.Pool({ connectionString: url });
    const db = drizzleOverPg(pool);
    return { run: drizzled(db), tx: forDrizzle(db), close: () => pool.end() };
  },
  "drizzle over postgres.js": async () => {
    const sql = postgres(url, { max: 1 });
    const db = drizzleOverPostgresJs(sql);
    return { run: drizzled(db), tx: forDrizzle(db), close: () => sql.end() };
  },
  kysely: async () => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }) });
    const run = (name, undo) =>
      db
        .transaction()
        .execute((trx) =>
          work(forKysely(trx), name, () => kyselySql`insert into account (name) values (${name})`.execute(trx), undo),
        );
    return { run, tx: forKysely(db), close: () => db.destroy() };
  },
  typeorm: async () => {
    const source = await new DataSource({ type: "postgres", url }).initialize();
    const run = (name, undo) =>
      source.transaction((manager) => work(manager, name, () => manager.query(`${INSERT}($1)`, [name]), undo));
    return { run, tx: source.manager, close: () => source.destroy() };
  },
  knex: async () => {
    const knex = knexFor({ client: "pg", connection: url });
    const run = (name, undo) =>
      knex.transaction((trx) => work(forKnex(trx), name, () => trx("account").insert({ name }), undo));
    return { run, tx: forKnex(knex), close: () => knex.destroy() };
  },
};

const prove = async (name, open) => {
  const { run, tx, close } = await open();
  try {
    await run(`${name} kept`, false);
    const undone = await run(`${name} gone`, true).then(
      () => "committed",
      (error) => (error instanceof Undone ? "rolled back" : String(error)),
    );
    const refused = await enqueue(tx, unknown, {}).catch((error) => error.code ?? String(error));
    return { undone, refused };
  } finally {
    await close();
  }
};

const found = {};
for (const [name, open] of Object.entries(libraries))
  found[name] = await prove(name, open).catch((error) => ({ failed: String(error.stack) }));
console.log(JSON.stringify(found));
