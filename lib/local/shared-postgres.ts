import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connectDb } from "../db/drivers/connect.ts";
import { isUnreleased } from "../db/schema/migrate.ts";
import { withFileLock } from "./file-lock.ts";
import { findPostgres, startPostgres } from "./postgres.ts";
import { privateFolder } from "./private-files.ts";
import { isRunning, type ProcessIdentity, thisProcess } from "./process-identity.ts";

export interface SharedPostgres {
  readonly url: string;
  /** Starts it again when it has died, at the same address. */
  readonly revive: () => Promise<void>;
  /** The last user that leaves stops it. */
  leave(): Promise<void>;
}

interface User extends ProcessIdentity {
  readonly id: string;
}

interface Register {
  readonly port: number | null;
  readonly users: readonly User[];
}

/** Who uses the server. Users that died without leaving are forgotten, however they went. */
const register = (file: string) => ({
  read: (): Register => {
    const { port, users } = existsSync(file)
      ? (JSON.parse(readFileSync(file, "utf8")) as Register)
      : { port: null, users: [] };
    return { port, users: users.filter(isRunning) };
  },
  write: (content: Register): void => {
    const draft = `${file}.${randomUUID()}`;
    writeFileSync(draft, JSON.stringify(content), { mode: 0o600 });
    renameSync(draft, file);
  },
});

const holdsUnreleasedTables = async (url: string): Promise<boolean> => {
  const db = await connectDb({ url, driver: "pg", max: 1 });
  try {
    return await isUnreleased(db);
  } finally {
    await db.close();
  }
};

/** Moves a data folder aside. @returns its new name, which has the time in it */
const setAside = (dataDir: string): string => {
  const aside = `${dataDir}-${new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}`;
  renameSync(dataDir, aside);
  return aside;
};

/**
 * The Postgres of a folder, for any number of processes: the first one starts it, the others join, the last one out stops it. When
 * all were killed it runs on, until the next user leaves. Data whose tables an unreleased version of ForgeQ made is set aside by the first one, and said so.
 *
 * @param folder - `.forgeq`: its data is in `pg`, its password in `postgres.password`, its log in `postgres.log`
 */
export const sharePostgres = async (
  folder: string,
  on: {
    /** False: no fsync, for tests. */
    readonly durable?: boolean;
    readonly onNotice?: (notice: string) => void;
    /** Called when the server that this process started ends while it is used. */
    readonly onExit?: (message: string) => void;
  } = {},
): Promise<SharedPostgres> => {
  privateFolder(folder);
  const lock = resolve(folder, "postgres.lock");
  const users = register(resolve(folder, "postgres.users"));
  const dataDir = resolve(folder, "pg");
  const me: User = { ...thisProcess(), id: randomUUID() };

  let left = false;

  const start = (port: number | null) =>
    startPostgres({
      dataDir,
      durable: on.durable ?? true,
      logFile: join(resolve(folder), "postgres.log"),
      ...(on.onNotice === undefined ? {} : { onNotice: on.onNotice }),
      onExit: (message) => left || on.onExit?.(message),
      ...(port === null ? {} : { port }),
    });

  /** Called with the lock held. The old port is kept where it is free, for users whose server has died. */
  const ensure = async () => {
    const { port, users: others } = users.read();
    let server = await start(others.length === 0 ? null : port).catch((error: unknown) => {
      if (port === null || others.length > 0) throw error;
      return start(null);
    });
    if (others.every(({ id }) => id === me.id) && (await holdsUnreleasedTables(server.url()))) {
      await server.stop();
      const aside = setAside(dataDir);
      on.onNotice?.(
        `The tables in ${dataDir} were made by an unreleased version of ForgeQ and can't be upgraded: they are kept in ${aside}, and the database is made new.`,
      );
      server = await start(null);
    }
    users.write({ port: server.port, users: [...others.filter(({ id }) => id !== me.id), me] });
    return server;
  };

  const server = await withFileLock(lock, ensure);
  return {
    url: server.url(),
    revive: async () => {
      await withFileLock(lock, ensure);
    },
    leave: () => {
      left = true;
      return withFileLock(lock, async () => {
        const { port, users: all } = users.read();
        const others = all.filter(({ id }) => id !== me.id);
        users.write({ port, users: others });
        if (others.length > 0) return;
        // Looked up: it may be another server than the one that was joined.
        await (await findPostgres(dataDir))?.stop();
      });
    },
  };
};
