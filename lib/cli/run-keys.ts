import { resolve } from "node:path";
import { userInfo } from "node:os";
import { ForgeqError } from "../core/errors.ts";
import { messageOf } from "../core/reason.ts";
import type { Scope } from "../http/api-keys.ts";
import { toWireKey } from "../http/key-wire.ts";
import { mintKey, parseSecrets } from "../http/stored-keys.ts";
import { createApiKey, type ListedKey, listApiKeys, revokeApiKey } from "../queue/manage/api-keys.ts";
import { configure, isConfigured, isProduction, runtime } from "../runtime.ts";
import type { GlobalOptions } from "./command.ts";
import { withDeps } from "./deps.ts";
import { UsageError } from "./failure.ts";
import { COLUMNS } from "./columns.ts";
import { printTable } from "./table.ts";
import { print, printJson, say } from "./terminal.ts";

export interface KeyOptions {
  readonly scopes: readonly Scope[];
  readonly types?: readonly string[];
  readonly queues?: readonly string[];
  readonly days?: number;
}

/** The embedded database has a secret of its own, which is made once and kept in the folder; in production there is none but FORGEQ_SECRET. */
export const ensureSecret = async (options: GlobalOptions): Promise<void> => {
  const hasUrl = options.databaseUrl !== undefined && options.databaseUrl !== "";
  const configured = ["FORGEQ_SECRET", "FORGEQ_SECRET_PARAMETER", "FORGEQ_DATABASE_URL_PARAMETER"].some(isConfigured);
  if (hasUrl || configured || isProduction()) return;
  const { localSecret } = await import("../local/api-key.ts");
  const { mkdirSync } = await import("node:fs");
  mkdirSync(resolve(options.dir), { recursive: true });
  configure({ FORGEQ_SECRET: localSecret(resolve(options.dir)) });
};

/** What keys and sessions are made with. @throws UsageError without FORGEQ_SECRET */
export const newestSecret = async (options: GlobalOptions): Promise<Buffer> => {
  await ensureSecret(options);
  const { secret } = await runtime().apiKeys();
  try {
    const [newest] = parseSecrets(secret);
    if (newest !== undefined) return newest;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  throw new UsageError(
    "FORGEQ_SECRET is not set: keys and sessions are made with it, and the server needs the same one",
  );
};

/** `forgeq keys create` */
export const runKeysCreate = async (label: string, options: KeyOptions & GlobalOptions): Promise<void> => {
  const { scopes, types = null, queues = null, days = null } = options;
  const { key, ...minted } = mintKey(await newestSecret(options));
  await withDeps(options, { migrate: "schema", part: "owner" }, async (deps) => {
    const createdBy = userInfo().username;
    const { expiresAt } = await createApiKey(deps, { ...minted, scopes, types, queues, label, createdBy, days });
    if (options.json === true) printJson({ id: minted.id, key, expires_at: expiresAt?.toISOString() ?? null });
    else print(key);
    say(`${minted.id} is made. The key is shown this once; only its hash is kept.`);
  });
};

const stateOf = ({ revokedAt, expiresAt }: ListedKey): string => {
  if (revokedAt !== null) return "revoked";
  return expiresAt !== null && expiresAt <= new Date() ? "expired" : "valid";
};

const rowOf = (key: ListedKey): string[] => [
  key.id,
  key.label,
  stateOf(key),
  key.scopes.join(","),
  key.types?.join(",") ?? "all",
  key.queues?.join(",") ?? "all",
  key.expiresAt?.toISOString().slice(0, 10) ?? "never",
  key.lastUsedOn ?? "never",
];

/** `forgeq keys list` */
export const runKeysList = (options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "owner" }, async (deps) => {
    const keys = await listApiKeys(deps);
    if (options.json === true) return keys.forEach((key) => printJson(toWireKey(key)));
    if (keys.length === 0)
      return say("No keys in the database: forgeq keys create makes one. Those of FORGEQ_API_KEYS are not listed.");
    printTable(COLUMNS.keys, keys.map(rowOf), options);
  });

/** `forgeq keys revoke` */
export const runKeysRevoke = (id: string, options: GlobalOptions): Promise<void> =>
  withDeps(options, { migrate: "schema", part: "owner" }, async (deps) => {
    if ((await revokeApiKey(deps, id)) === "not_found") throw new ForgeqError("not_found", `there is no key ${id}`);
    say(`${id} is revoked: it ends within a minute.`);
  });
