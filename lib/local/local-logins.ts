import { createHmac } from "node:crypto";
import { type ConnectOptions, connectDb } from "../db/drivers/connect.ts";
import type { Role } from "../db/schema/role-names.ts";
import { ROLE_PREFIX, roleName } from "../db/schema/roles.ts";

/** The parts of a local run, each with a login role of its own, and the group roles that it is a member of. */
const MEMBERS = {
  enqueue: ["enqueue"],
  // A clone of a job is a new one.
  api: ["enqueue", "manage"],
  read: ["read"],
  server: ["enqueue", "manage"],
  worker: ["worker"],
} as const satisfies Record<string, readonly Role[]>;

export type LocalPart = keyof typeof MEMBERS;

const PARTS = Object.keys(MEMBERS) as readonly LocalPart[];

// Other processes of the folder may be at it. No caller of forgeq.mutex is in the way.
const ONE_AT_A_TIME = `/* forgeq:local_logins */
lock table forgeq.mutex in share row exclusive mode`;

const THERE = `/* forgeq:local_logins */
select exists (select from pg_roles where rolname = $1) as found`;

/** Follows from the owner's own, so that nothing more has to be kept; who knows one can't tell another. */
const passwordOf = (owner: URL, name: string): string =>
  createHmac("sha256", decodeURIComponent(owner.password)).update(name).digest("hex");

interface LoginOptions {
  readonly rolePrefix?: string;
}

interface Login {
  readonly part: LocalPart;
  readonly name: string;
  readonly url: URL;
  readonly memberOf: readonly string[];
}

const loginsOf = (ownerUrl: string, { rolePrefix = ROLE_PREFIX }: LoginOptions): readonly Login[] => {
  const owner = new URL(ownerUrl);
  return PARTS.map((part) => {
    const name = `${rolePrefix}_local_${part}`;
    const url = new URL(owner);
    url.username = name;
    url.password = passwordOf(owner, name);
    return { part, name, url, memberOf: MEMBERS[part].map((each) => roleName(rolePrefix, each)) };
  });
};

/**
 * Makes a login role for each part of a local run, in a database that the run owns and that is migrated.
 *
 * @param options - how the owner of the server connects
 * @returns the URL of each part
 */
export const localLogins = async (
  options: ConnectOptions,
  prefix: LoginOptions = {},
): Promise<Readonly<Record<LocalPart, string>>> => {
  const logins = loginsOf(options.url, prefix);
  const db = await connectDb({ ...options, max: 1 });
  try {
    await db.transaction(async (tx) => {
      await tx.query(ONE_AT_A_TIME);
      for (const { name, url, memberOf } of logins) {
        const [role] = await tx.query<{ found: boolean }>(THERE, [name]);
        await tx.query(`${role?.found === true ? "alter" : "create"} role ${name} login password '${url.password}'`);
        await tx.query(`grant ${memberOf.join(", ")} to ${name}`);
      }
    });
  } finally {
    await db.close();
  }
  return Object.fromEntries(logins.map(({ part, url }) => [part, url.href])) as Record<LocalPart, string>;
};

const IS_MEMBER = `/* forgeq:local_login */
select coalesce(bool_and(pg_has_role(r.oid, 'member')), false) and count(*) = cardinality($1::text[]) as ready
from pg_roles r where r.rolname = any ($1::text[])`;

/** Whether somebody has made this login before, as it is made now. */
const isMade = async (options: ConnectOptions, { url, memberOf }: Login): Promise<boolean> => {
  const db = await connectDb({ ...options, url: url.href, max: 1 });
  try {
    const [row] = await db.query<{ ready: boolean }>(IS_MEMBER, [memberOf]);
    return row?.ready === true;
  } catch {
    return false;
  } finally {
    await db.close();
  }
};

/**
 * The URL of one part. All logins are made where this one is missing; otherwise nothing is written.
 *
 * @param options - how the owner of the server connects
 */
export const localLogin = async (
  options: ConnectOptions,
  part: LocalPart,
  prefix: LoginOptions = {},
): Promise<string> => {
  const login = loginsOf(options.url, prefix).find((each) => each.part === part);
  if (login !== undefined && (await isMade(options, login))) return login.url.href;
  return (await localLogins(options, prefix))[part];
};
