import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { Db } from "../drivers/client.ts";
import { WITHOUT_DISK_WAIT } from "./without-disk-wait.ts";
import type { ConnectOptions } from "../drivers/connect.ts";
import { createPushChannel, type PushReceiver } from "./push.ts";
import { clientConfig, UrlClient } from "../drivers/pg.ts";
import { isLoginRefused } from "../drivers/renewed.ts";

/** The channel that workers listen on. A payload is JSON: `{seconds, queue}`, or `{cancel}` with a lease. */
const CHANNEL = "forgeq_wake";

// Nothing to keep: without the wait for the disk the hint arrives a commit earlier.
const NOTIFY = `/* forgeq:notify */
select pg_notify('${CHANNEL}', $1) from ${WITHOUT_DISK_WAIT}`;

export interface Hint {
  /** Seconds until jobs fall due. */
  readonly seconds: number;
  /** Undefined: in any queue. */
  readonly queue?: string | undefined;
}

/** Tells the workers that listen, after a commit that could not: see docs/adr/0014. */
export const notifyWorkers = async (db: Db, hint: Hint): Promise<void> => {
  await db.query(NOTIFY, [JSON.stringify(hint)]);
};

export interface Listener {
  /** The connection is silent: opens another one. */
  readonly reopen: () => void;
  /**
   * Ends when what was being pushed has arrived: commits of producers may take their time, `longestMs` at most.
   *
   * @returns false where pushes may have been lost
   */
  close(longestMs?: number): Promise<boolean>;
}

/**
 * Why notifications don't arrive. `broken`: the connection can't be had, or it broke. `silent`: it is there, and what is sent does
 * not arrive. `pooled`: there is a pooler between, whose sessions are not this process's own.
 */
export type NotListening = "broken" | "silent" | "pooled";

interface On {
  readonly hint: (hint: Hint) => void;
  /** Somebody has asked to cancel jobs of a lease. */
  readonly cancel?: (leaseId: string) => void;
  readonly change: (works: boolean, why?: NotListening) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A pooler stays as a rule; but the address may lead elsewhere one day. */
const POOLED_PAUSE_MS = 300_000;
/** For each statement of a connection that is being opened, and for a probe that goes another way. */
const ANSWER_MS = 5_000;
const PROBE_MS = 2_000;
const CLOSE_MS = 2_000;
const GOODBYE_MS = 1_000;

const PID = "/* forgeq:listen */ select pg_backend_pid() as pid";

/**
 * A pooler tells each client a key of its own, for cancel requests, and not that of the backend. Through one, `listen` would be
 * accepted, left in a session that others share, and nothing would ever arrive.
 */
const isPooled = async (client: pg.Client): Promise<boolean> => {
  const { rows } = await client.query<{ pid: number }>(PID);
  return (client as pg.Client & { readonly processID?: number }).processID !== rows[0]?.pid;
};

const isProved = async (db: Db, probe: string, arrived: Promise<void>): Promise<boolean> => {
  await db.query(NOTIFY, [probe]);
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), PROBE_MS);
  const proved = await Promise.race([arrived.then(() => true), late.promise]);
  clearTimeout(timer);
  return proved;
};

/** Ends a connection. One that is silent would never say that it has ended. */
const end = async (client: pg.Client): Promise<void> => {
  const timer = setTimeout(() => client.connection.stream.destroy(), GOODBYE_MS);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
};

/**
 * Listens for hints on a connection of its own, and opens it again, for as long as it takes, when it breaks or is silent. It works on a
 * direct connection to Postgres: behind a pooler nothing is listened to, and one connection in five minutes looks whether it is still
 * there. Each new connection is probed with a notification that goes another way.
 *
 * @param on.change - told whether hints arrive; what was missed meanwhile is not known, so poll everything then
 * @param receiver - what is pushed to it arrives on this connection, too
 */
export const listenForHints = (options: ConnectOptions, db: Db, on: On, receiver?: PushReceiver): Listener => {
  const pushes = receiver && createPushChannel(receiver);
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let closed = false;
  /** The newest connection; `fail` ends it, and opens the next one after a pause. */
  let current: { readonly client: pg.Client; readonly fail: (why: NotListening) => void } | undefined;
  let works = false;

  const again = (why: NotListening): void => {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(() => void open(), why === "pooled" ? POOLED_PAUSE_MS : pauseMs);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  };

  const open = async (): Promise<void> => {
    const url = options.source?.url ?? options.url;
    const client = new UrlClient({ ...clientConfig({ ...options, url }), query_timeout: ANSWER_MS });
    let ended = false;
    const fail = (why: NotListening): void => {
      if (ended) return;
      ended = true;
      works = false;
      pushes?.broke();
      void end(client);
      on.change(false, why);
      again(why);
    };
    current = { client, fail };
    client.on("error", () => fail("broken")).on("end", () => fail("broken"));
    const probe = randomUUID();
    const arrived = Promise.withResolvers<void>();
    client.on("notification", ({ channel, payload = "" }) => {
      if (ended) return;
      if (channel !== CHANNEL) return pushes?.received(payload);
      if (payload === probe) arrived.resolve();
      const heard = parse(payload);
      if (typeof heard === "string") on.cancel?.(heard);
      else if (heard !== null) on.hint(heard);
    });
    try {
      await client.connect();
      if (await isPooled(client)) return fail("pooled");
      // It is idle as a rule: whatever its role is asked to end idle sessions after, this one is to stay.
      await client.query(`/* forgeq:listen */ set idle_session_timeout = 0; listen ${CHANNEL}`);
      await pushes?.listen(client);
      if (!(await isProved(db, probe, arrived.promise))) return fail("silent");
      await pushes?.begin(client);
      if (ended) return;
      works = true;
      pauseMs = FIRST_PAUSE_MS;
      on.change(true);
    } catch (error) {
      if (isLoginRefused(error)) await options.source?.renew(url).catch(() => undefined);
      fail("broken");
    }
  };

  void open();
  return {
    reopen: () => current?.fail("silent"),
    close: async (longestMs = CLOSE_MS) => {
      closed = true;
      clearTimeout(timer);
      const heard = works && current !== undefined ? await pushes?.end(current.client, db, longestMs) : false;
      if (current !== undefined) await end(current.client);
      return heard ?? true;
    },
  };
};

/** A hint, or the id of a lease with a request to cancel; null for a probe, or for what somebody else sent there. */
const parse = (payload: string): Hint | string | null => {
  if (!payload.startsWith("{")) return null;
  try {
    const { seconds, queue, cancel } = JSON.parse(payload) as Partial<Hint & { readonly cancel: unknown }>;
    if (typeof cancel === "string") return cancel;
    return typeof seconds === "number" ? { seconds, ...(typeof queue === "string" ? { queue } : {}) } : null;
  } catch {
    return null;
  }
};
