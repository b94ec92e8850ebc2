import type { Db } from "../db/drivers/client.ts";
import { readOwnRole } from "../db/reads/roles.ts";
import { type Role, ROLES } from "../db/schema/role-names.ts";
import { ROLE_PREFIX, roleName } from "../db/schema/roles.ts";
import { NEEDS, type UrlPart } from "./url-parts.ts";

export interface RoleCheckOptions {
  readonly part?: UrlPart;
  readonly rolePrefix?: string;
}

interface Found {
  readonly level: "ok" | "warning" | "problem";
  readonly found: string;
  readonly cure?: string;
}

const PAGE = "see docs/how-to/harden.md";

/** Which role the URL has, and whether that is less or more than the part needs. */
export const checkRole =
  ({ part, rolePrefix = ROLE_PREFIX }: RoleCheckOptions) =>
  async (db: Db): Promise<Found> => {
    const names = (roles: readonly Role[]): string[] => roles.map((role) => roleName(rolePrefix, role));
    const { name, owns, memberOf } = await readOwnRole(db, names(ROLES));
    const needed = part === undefined ? [] : names(NEEDS[part]);
    if (owns) {
      const found = `${name} owns the schema and may do everything`;
      return part === undefined
        ? { level: "ok", found: `${found}: it takes no other role, and no part needs as much` }
        : {
            level: "warning",
            found: `${found}: more than the part ${part} needs`,
            cure: `give the part a role that is a member of ${needed.join(" and ")}, ${PAGE}`,
          };
    }
    const missing = needed.filter((role) => !memberOf.includes(role));
    if (missing.length > 0 || memberOf.length === 0) {
      const cure = part === undefined ? PAGE : `grant ${missing.join(", ")} to ${name}`;
      const has = memberOf.length === 0 ? "none of the group roles" : `only ${memberOf.join(", ")}`;
      return {
        level: "problem",
        found: `${name} is a member of ${has}: not enough${part ? ` for the part ${part}` : ""}`,
        cure,
      };
    }
    // Who manages reads, too.
    const read = roleName(rolePrefix, "read");
    const manages = needed.includes(roleName(rolePrefix, "manage"));
    const more = memberOf.filter((role) => !needed.includes(role) && !(manages && role === read));
    const found = `${name} is a member of ${memberOf.join(", ")}`;
    if (part === undefined || more.length === 0) return { level: "ok", found };
    return {
      level: "warning",
      found: `${found}: more than the part ${part} needs`,
      cure: `revoke ${more.join(", ")} from ${name}`,
    };
  };
