/** The password of an embedded Postgres, without which no user of this machine gets in. */
import { spawnSync } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { closeSync, fchownSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { cleanEnvironment, credentials } from "./postgres-binaries.ts";
import { secretFile } from "./private-files.ts";

/** The password of a data folder: made once, in a file beside the folder that only this user can read. */
export const postgresPassword = (dataDir: string): string =>
  secretFile(join(dirname(resolve(dataDir)), "postgres.password"), () => randomBytes(24).toString("base64url"));

/** Who gets in: whoever has the password. The first line says of which password, so that a lost file is noticed. */
const rulesOf = (password: string): string => `# ForgeQ, ${createHash("sha256").update(password).digest("hex")}
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
`;

const rulesFile = (dataDir: string): string => join(dataDir, "pg_hba.conf");

/** Does the server of this data folder ask for this password, at its next start at least? */
export const asksFor = (dataDir: string, password: string): boolean =>
  readFileSync(rulesFile(dataDir), "utf8") === rulesOf(password);

/** The file is made new and renamed: where Postgres is another user, that one can't lead this process to another file. */
const writeRules = (dataDir: string, password: string): void => {
  const { uid, gid } = credentials();
  const draft = `${rulesFile(dataDir)}.${randomUUID()}`;
  const file = openSync(draft, "wx", 0o600);
  writeSync(file, rulesOf(password));
  if (uid !== undefined && gid !== undefined) fchownSync(file, uid, gid);
  closeSync(file);
  renameSync(draft, rulesFile(dataDir));
};

/** Gives the superuser of a stopped server this password, and lets nobody in without one. No server listens meanwhile. */
export const requirePassword = (dataDir: string, postgres: string, password: string): void => {
  const { status, stderr } = spawnSync(postgres, ["--single", "-D", dataDir, "-c", "exit_on_error=on", "postgres"], {
    ...credentials(),
    cwd: dataDir,
    env: cleanEnvironment(),
    input: `alter role postgres password '${password}'\n`,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the password of the database in ${dataDir} can't be set: ${stderr}`);
  writeRules(dataDir, password);
};
