import { readSessionSettings, type SessionSettings } from "../db/reads/doctor.ts";
import { type Check, fine, type Finding } from "./check.ts";

interface Fault extends Pick<Finding, "level" | "found" | "cure"> {
  readonly of: (settings: SessionSettings, driver: "pg" | "neon") => boolean;
}

const FAULTS: readonly Fault[] = [
  {
    of: ({ isReplica }) => isReplica,
    level: "problem",
    found: "this server is a replica, which takes no jobs and no outcomes",
    cure: "give the address of the primary",
  },
  {
    of: ({ readOnly, isReplica }) => readOnly && !isReplica,
    level: "problem",
    found: "transactions are read only by default, so no job can be enqueued or run",
    cure: "alter database NAME set default_transaction_read_only = off",
  },
  {
    of: ({ dateStyle }, driver) => driver === "neon" && !dateStyle.startsWith("ISO"),
    level: "problem",
    found: "DateStyle is not ISO, and Neon's HTTP takes no other setting from its clients, so no instant can be read",
    cure: "alter database NAME set datestyle = 'ISO'",
  },
  {
    of: ({ isolation }) => isolation !== "read committed",
    level: "warning",
    found: "transactions are not read committed by default, so each statement of ForgeQ's costs two more round trips",
    cure: "alter role NAME in database NAME set default_transaction_isolation = 'read committed'",
  },
  {
    of: ({ encoding }) => encoding !== "UTF8",
    level: "warning",
    found: "the database is not UTF8: jobs with other characters are refused, and results with them are not kept",
    cure: "move ForgeQ to a database that is made with encoding 'UTF8'",
  },
];

/** What the database, the role or the server sets, and ForgeQ can't set otherwise for itself. */
export const settings: Check = async (db) => {
  const read = await readSessionSettings(db);
  const faults = FAULTS.filter(({ of }) => of(read, db.driver));
  const [first] = faults;
  if (first === undefined) return fine("settings of the database and the role fit");
  return {
    level: faults.some(({ level }) => level === "problem") ? "problem" : first.level,
    found: faults.map(({ found }) => found).join("; "),
    cure: faults.map(({ cure }) => cure).join("; "),
  };
};
