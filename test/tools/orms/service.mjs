// A service of somebody's own: Express, Fastify and Hono, each with the API below /queue, and POST /sign-up/LIBRARY of Express, which enqueues in a transaction
// of that library. Argument: the folder with the adapters of docs/how-to/transactions.md. Prints the three origins in one line of JSON.
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import postgres from "postgres";
import { enqueue } from "../../../lib/index.ts";
import { createForgeq } from "../../../lib/server.ts";
import { signUp } from "./jobs.mjs";

const [folder] = process.argv.slice(2);
const adapter = async (name) => import(pathToFileURL(join(folder, `for-${name}.ts`)).href);
const [{ forDrizzle }, { forKysely }, { forPostgresJs }] = await Promise.all(
  ["drizzle", "kysely", "postgres-js"].map(adapter),
);
const url = process.env.DATABASE_URL;
const pool = new pg.Pool({ connectionString: url });
const db = drizzle(pool);
const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
const sql = postgres(url);

const transactions = {
  drizzle: (name) =>
    db.transaction(async (tx) => {
      await tx.execute(drizzleSql`insert into account (name) values (${name})`);
      return enqueue(forDrizzle(tx), signUp, { name });
    }),
  kysely: (name) =>
    kysely.transaction().execute(async (trx) => {
      await trx.insertInto("account").values({ name }).execute();
      return enqueue(forKysely(trx), signUp, { name });
    }),
  "postgres.js": (name) =>
    sql.begin(async (tx) => {
      await tx`insert into account (name) values (${name})`;
      return enqueue(forPostgresJs(tx), signUp, { name });
    }),
};

const forgeq = createForgeq({ jobs: [signUp], basePath: "/queue" });

const app = express();
app.use("/queue", forgeq.listener);
app.use(express.json());
app.post("/sign-up/:library", async (request, response) => {
  const { id, wake } = await transactions[request.params.library](request.body.name);
  await wake();
  response.status(201).json({ id });
});

const fastify = Fastify();
fastify.get("/hello", async () => ({ hello: "fastify" }));
await fastify.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (request, payload, done) => done(null));
  scope.all("/queue/*", (request, reply) => {
    reply.hijack();
    return forgeq.listener(request.raw, reply.raw);
  });
});

const hono = new Hono();
hono.all("/queue/*", (context) => forgeq.fetch(context.req.raw));

const listen = (server) =>
  new Promise((done) => server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}`)));
const origins = {
  express: await listen(createServer(app)),
  fastify: await fastify.listen({ port: 0, host: "127.0.0.1" }),
  hono: await listen(createServer(getRequestListener(hono.fetch))),
};
console.log(JSON.stringify(origins));
process.once("SIGTERM", () => process.exit(0));
