import type pg from "pg";

/** A fifth of each limit stays free, two connections at least, for whoever needs one for a moment. */
const IS_SHORT = `/* forgeq:is_short_of_connections */
select bool_or(l.most - l.used < greatest(2, l.most / 5)) as short
from (
  select count(*) as server, count(*) filter (where datname = current_database()) as here, count(*) filter (where usename = session_user) as own
  from pg_stat_activity
  where usesysid is not null) a
cross join lateral (values
  (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, a.server),
  ((select nullif(d.datconnlimit, -1) from pg_database d where d.datname = current_database()), a.here),
  ((select nullif(r.rolconnlimit, -1) from pg_roles r where r.rolname = session_user), a.own)) as l(most, used)`;

/** While few are left, a connection that is not used for so long is closed, also within an invocation. */
const SHORT_IDLE_MS = 200;

/** What a pool knows of the connections that its server has left. */
export interface Shortage {
  readonly isShort: () => boolean;
  /** The server had none left. */
  note(): void;
}

/**
 * Has each new connection of a pool ask, before its first statement, whether the server, the database or the role has few left. If so, the pool keeps none that it
 * does not use, until a later one hears of more. So frozen environments can never hold all: whoever keeps one has seen a fifth of them free.
 *
 * @param doesAsk - false for a pooler, whose own connections these figures are of
 */
export const createShortage = (pool: pg.Pool, doesAsk: () => boolean): Shortage => {
  const { idleTimeoutMillis } = pool.options;
  let short = false;
  const set = (isShort: boolean): void => {
    short = isShort;
    // The pool reads it whenever a connection comes back.
    Object.assign(pool.options, { idleTimeoutMillis: isShort ? SHORT_IDLE_MS : idleTimeoutMillis });
  };
  pool.on("connect", (client) => {
    if (!doesAsk()) return;
    // The statement that the connection was opened for waits behind it, and has the deadline.
    client.query<{ short: boolean }>(IS_SHORT, (error: Error | null, answer) => {
      // A role that may not look at sessions keeps its connection.
      set((error as Error | undefined) ? false : answer.rows[0]?.short === true);
    });
  });
  return { isShort: () => short, note: () => set(true) };
};
