/**
 * A process that holds the Postgres of the tests for whoever started it, and leaves it when that process is gone, however it went: a test runner kills
 * its processes without a word. Says the server's URL, or why there is none, in one line of JSON.
 */
import { once } from "node:events";
import { messageOf } from "../core/reason.ts";
import { sharePostgres } from "../local/shared-postgres.ts";

/** The next file's tests find the server running. */
const LINGER_MS = 2_000;

const [folder = ""] = process.argv.slice(2);
try {
  const postgres = await sharePostgres(folder, { durable: false });
  process.stdout.write(`${JSON.stringify({ url: postgres.url })}\n`);
  process.stdin.resume();
  await once(process.stdin, "close");
  await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
  await postgres.leave();
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: messageOf(error) })}\n`);
}
