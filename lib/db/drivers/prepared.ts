import { createHash } from "node:crypto";
import { sqlState } from "./failure.ts";
import { NamedQuery } from "./prepared-query.ts";
import { toParams } from "./params.ts";
import { type Send, send, submit } from "./session.ts";

/**
 * What is sent for each job or batch, by the comment that the text begins with: calls of functions, which have one plan whatever
 * their parameters. A statement that reads tables is better planned for its parameters each time.
 */
const NAMED = new Set([
  "enqueue",
  "enqueue_and_claim",
  "local_start",
  "claim",
  "begin",
  "extend",
  "settle",
  "settle_and_take",
  "release",
  "wake_wanted",
  "dispatcher_mark",
  "notify",
]);

// Unknown, or there already: a pooler gave this session another connection. Or its columns are others since a migration.
const REFUSED = new Set(["26000", "42P05", "0A000"]);

/** The name is made of the text alone, so that it means the same to all clients that share a connection of a pooler. */
const nameOf = (tag: string, text: string): string =>
  `fq_${tag}_${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;

/**
 * How a pool sends statements that are their own transaction: the frequent ones by name, so that Postgres parses and plans them once
 * a connection. When a name is refused, which is before anything has run, the statement is sent again without, and no name is
 * used any more: that is what a transaction pooler without prepared statements costs a process.
 */
export const createSendByName = (): Send => {
  const names = new Map<string, string>();
  let refused = false;

  return async (client, text, params, deadline) => {
    const [, tag = ""] = /^\/\* forgeq:(\w+) \*\//.exec(text) ?? [];
    if (refused || !NAMED.has(tag)) return send(client, text, params, deadline);
    const name = names.get(text) ?? nameOf(tag, text);
    names.set(text, name);
    try {
      return await submit(client, new NamedQuery(text, name, toParams(params)), deadline);
    } catch (error) {
      if (!REFUSED.has(sqlState(error) ?? "")) throw error;
      refused = true;
      return send(client, text, params, deadline);
    }
  };
};
