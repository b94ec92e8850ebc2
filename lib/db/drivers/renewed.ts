import type { Db, QueryOptions, Sql } from "./client.ts";
import { connectionFault } from "./connection-fault.ts";
import type { UrlSource } from "./url-source.ts";

/** The server knows this role and password no more. It has said so before it took a statement. */
export const isLoginRefused = (error: unknown): boolean => connectionFault(error)?.reason === "authentication";

interface Opened {
  readonly url: string;
  readonly db: Promise<Db>;
  /** Statements and transactions that are under way, or wait for a connection. */
  uses: number;
}

/**
 * A database whose URL can change: when the server refuses the login the secret is read anew, the pool that was opened with the old one
 * is closed, and what was refused is sent once more.
 *
 * @param open - opens a pool, lazily
 */
export const createRenewedDb = async (open: (url: string) => Promise<Db>, source: UrlSource): Promise<Db> => {
  const openWith = (url: string): Opened => ({ url, db: open(url), uses: 0 });
  let opened = openWith(source.url);
  const { driver } = await opened.db;

  /** A pool that is closed serves nobody who waits for it: so not before all have left. */
  const leave = (one: Opened): void => {
    one.uses -= 1;
    if (one !== opened && one.uses === 0) void one.db.then((db) => db.close()).catch(() => undefined);
  };
  const enter = (): Opened => {
    if (opened.url !== source.url) {
      const old = opened;
      opened = openWith(source.url);
      old.uses += 1;
      leave(old);
    }
    opened.uses += 1;
    return opened;
  };

  const once = async <Result>(one: Opened, work: (db: Db) => Promise<Result>): Promise<Result> => {
    try {
      return await work(await one.db);
    } finally {
      leave(one);
    }
  };
  /** @param hasBegun - the caller's work has seen a connection, and can't be repeated */
  const send = async <Result>(work: (db: Db) => Promise<Result>, hasBegun = () => false): Promise<Result> => {
    if (source.hasEnded()) await source.renew(source.url);
    const one = enter();
    try {
      return await once(one, work);
    } catch (error) {
      if (hasBegun() || !isLoginRefused(error) || !(await source.renew(one.url))) throw error;
    }
    return once(enter(), work);
  };

  return {
    driver,
    query: <Row>(text: string, params?: readonly unknown[], options?: QueryOptions) =>
      send((db) => db.query<Row>(text, params, options)),
    transaction: <Result>(work: (tx: Sql) => Promise<Result>) => {
      let begun = false;
      const begin = (tx: Sql) => {
        begun = true;
        return work(tx);
      };
      return send(
        (db) => db.transaction(begin),
        () => begun,
      );
    },
    close: async () => (await opened.db).close(),
  };
};
