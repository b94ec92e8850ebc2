import { randomUUID } from "node:crypto";
import pg from "pg";
import type { Db } from "../drivers/client.ts";
import { WITHOUT_DISK_WAIT } from "./without-disk-wait.ts";
import type { ConnectOptions } from "../drivers/connect.ts";
import { createPushChannel, type PushReceiver } from "./push.ts";
import { clientConfig } from "../drivers/pg.ts";

/** The channel that workers listen on. A payload is JSON: `{seconds, queue}`. */
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
  close(): Promise<void>;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const PROBE_MS = 2_000;

/**
 * Listens for hints on a connection of its own, and opens it again when it breaks. It works on a direct connection to Postgres; through
 * a transaction pooler `listen` is accepted and nothing ever arrives, so each new connection is probed with a notification
 * that goes another way.
 *
 * @param on.change - told whether hints arrive; what was missed meanwhile is not known, so poll everything then
 * @param receiver - what is pushed to it arrives on this connection, too
 */
export const listenForHints = (
  options: ConnectOptions,
  db: Db,
  on: { readonly hint: (hint: Hint) => void; readonly change: (works: boolean) => void },
  receiver?: PushReceiver,
): Listener => {
  const pushes = receiver && createPushChannel(receiver);
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  let closed = false;
  let works = false;

  const again = (): void => {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => void open(), pauseMs);
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  };

  const open = async (): Promise<void> => {
    const opened = new pg.Client(clientConfig(options.url));
    client = opened;
    let ended = false;
    const end = (): void => {
      if (ended) return;
      ended = true;
      works = false;
      pushes?.broke();
      opened.end().catch(() => undefined);
      on.change(false);
      again();
    };
    opened.on("error", end).on("end", end);
    const probe = randomUUID();
    const arrived = Promise.withResolvers<boolean>();
    opened.on("notification", ({ channel, payload = "" }) => {
      if (channel === pushes?.channel) return pushes.received(payload);
      if (payload === probe) arrived.resolve(true);
      const hint = parse(payload);
      if (hint !== null) on.hint(hint);
    });
    try {
      await opened.connect();
      for (const channel of [CHANNEL, pushes?.channel])
        if (channel !== undefined) await opened.query(`/* forgeq:listen */ listen ${channel}`);
      await db.query(NOTIFY, [probe]);
      const late = setTimeout(() => arrived.resolve(false), PROBE_MS);
      const arrives = await arrived.promise.finally(() => clearTimeout(late));
      if (arrives) await pushes?.begin(opened);
      if (ended) return;
      works = arrives;
      if (works) pauseMs = FIRST_PAUSE_MS;
      else {
        // A pooler: asking again would not help, polling does.
        closed = true;
        await opened.end();
      }
      on.change(works);
    } catch {
      end();
    }
  };

  void open();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      if (works && client !== undefined) await pushes?.end(client);
      await client?.end().catch(() => undefined);
    },
  };
};

/** Null for a probe, or for what somebody else sent there. */
const parse = (payload: string): Hint | null => {
  if (!payload.startsWith("{")) return null;
  try {
    const { seconds, queue } = JSON.parse(payload) as Partial<Hint>;
    return typeof seconds === "number" ? { seconds, ...(typeof queue === "string" ? { queue } : {}) } : null;
  } catch {
    return null;
  }
};
