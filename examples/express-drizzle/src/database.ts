import { drizzle } from "drizzle-orm/node-postgres";
import { pgTable, text, timestamp } from "drizzle-orm/pg-core";
import pg from "pg";

export const account = pgTable("account", {
  email: text().primaryKey(),
  welcomedAt: timestamp("welcomed_at", { withTimezone: true }),
});

export const pool = new pg.Pool({ connectionString: process.env["DATABASE_URL"] });
export const db = drizzle(pool);
