import { createHmac } from "node:crypto";
import { type ConnectOptions, connectDb } from "../db/drivers/connect.ts";
import type { Role } from "../db/schema/privileges.ts";
import { ROLE_PREFIX, roleName } from "../db/schema/roles.ts";

/** The parts of a local run, each with a login role of its own, and the group roles that it is a member of. */
const MEMBERS = {
  enqueue: ["enqueue"],
  api: ["manage"],
  server: ["enqueue", "manage"],
  worker: ["worker"],
} as const satisfies Record<string, readonly Role[]>;

export type LocalPart = keyof typeof MEMBERS;

const PARTS = Object.keys(MEMBERS) as readonly LocalPart[];

// Other processes of the folder may be at it.
const ONE_AT_A_TIME = `/* forgeq:local_logins */
select pg_advisory_xact_lock(hashtextextended('forgeq.local_logins', 0))`;

const THERE = `/* forgeq:local_logins */
select exists (select from pg_roles where rolname = $1) as found`;

/** Follows from the owner's own, so that nothing more has to be kept; who knows one can't tell another. */
const passwordOf = (owner: URL, name: string): string =>
  createHmac("sha256", decodeURIComponent(owner.password)).update(name).digest("hex");

/**
 * Makes a login role for each part of a local run, in a database that the run owns and that is migrated.
 *
 * @param options - how the owner of the server connects
 * @returns the URL of each part
 */
export const localLogins = async (
  options: ConnectOptions,
  { rolePrefix = ROLE_PREFIX }: { readonly rolePrefix?: string } = {},
): Promise<Readonly<Record<LocalPart, string>>> => {
  const owner = new URL(options.url);
  const logins = PARTS.map((part) => {
    const name = `${rolePrefix}_local_${part}`;
    const url = new URL(owner);
    url.username = name;
    url.password = passwordOf(owner, name);
    return { part, name, url };
  });
  const db = await connectDb({ ...options, max: 1 });
  try {
    await db.transaction(async (tx) => {
      await tx.query(ONE_AT_A_TIME);
      for (const { part, name, url } of logins) {
        const [role] = await tx.query<{ found: boolean }>(THERE, [name]);
        await tx.query(`${role?.found === true ? "alter" : "create"} role ${name} login password '${url.password}'`);
        await tx.query(`grant ${MEMBERS[part].map((each) => roleName(rolePrefix, each)).join(", ")} to ${name}`);
      }
    });
  } finally {
    await db.close();
  }
  return Object.fromEntries(logins.map(({ part, url }) => [part, url.href])) as Record<LocalPart, string>;
};
