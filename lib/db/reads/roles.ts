import { call, only } from "../drivers/call.ts";
import type { Db } from "../drivers/client.ts";

/** Whom a connection speaks for, and what that may do. */
export interface OwnRole {
  readonly name: string;
  /** Of the schema, or a member of its owner, or a superuser. */
  readonly owns: boolean;
  /** Of the roles that were asked for, those that it is a member of. */
  readonly memberOf: readonly string[];
}

const OWN_ROLE = `/* forgeq:own_role */
select current_user::text as name, pg_has_role(current_user, n.nspowner, 'usage') as owns,
       array(select r.rolname::text from pg_roles r where r.rolname = any ($1::text[]) and pg_has_role(current_user, r.oid, 'usage') order by 1) as "memberOf"
from pg_namespace n where n.nspname = 'forgeq'`;

export const readOwnRole = async (db: Db, roles: readonly string[]): Promise<OwnRole> =>
  only(await call<OwnRole>(db, OWN_ROLE, [roles]));
