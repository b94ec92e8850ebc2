import type { ConnectOptions } from "../db/drivers/connect.ts";
import { type Mailbox, mailVariables } from "./mailbox.ts";

/** Environment variables; one that is empty counts as one that is not set. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The service's name with its stage, as serverless.yml makes it. */
export const SERVICE = "forgeq-dev";

/** What a local run has made or chosen. */
export interface LocalParts {
  /** Where local files are. */
  readonly folder: string;
  /** What the functions use: as the role of a worker, where the run made the database. */
  readonly database: ConnectOptions;
  readonly apiKey: string;
  /** Null where SMTP_URL says where mails go. */
  readonly mailbox: Mailbox | null;
}

/** The variables of the functions of a local run: everything that is set, and what the run adds and defaults. */
export const localVariables = (env: Variables, parts: LocalParts): Record<string, string> => ({
  ...(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)) as Record<string, string>),
  FORGEQ_SERVICE: "forgeq",
  FORGEQ_STAGE: "dev",
  DATABASE_URL: parts.database.url,
  ...(parts.database.fetchEndpoint && { FORGEQ_NEON_FETCH_ENDPOINT: parts.database.fetchEndpoint }),
  ...(parts.database.wsProxy && { FORGEQ_NEON_WS_PROXY: parts.database.wsProxy }),
  FORGEQ_API_KEY: parts.apiKey,
  FORGEQ_DIR: parts.folder,
  ...mailVariables(parts.mailbox, (name) => env[name]),
  POWERTOOLS_METRICS_DISABLED: env["POWERTOOLS_METRICS_DISABLED"] || "true",
  FORGEQ_LOG_LEVEL: env["FORGEQ_LOG_LEVEL"] || "warn",
  AWS_REGION: "us-east-1",
});

/** What arms wakes locally; serverless.yml has the same for what it runs. */
export const wakeVariables = (endpoint: string): Record<string, string> => ({
  FORGEQ_WAKE: "armed",
  FORGEQ_WAKE_GROUP: SERVICE,
  FORGEQ_WAKE_TARGET_ARN: `arn:aws:lambda:local:000000000000:function:${SERVICE}-scheduler`,
  FORGEQ_WAKE_ROLE_ARN: "arn:aws:iam::000000000000:role/local",
  FORGEQ_SCHEDULER_ENDPOINT: endpoint,
});

/** What serves HTTP, with its URLs, and what its keys and sessions are made with. Handlers don't see it. */
export const httpVariables = (
  env: Variables,
  urls: { readonly enqueue: ConnectOptions; readonly api: ConnectOptions },
  secret: () => string,
) => ({
  FORGEQ_DATABASE_URL_ENQUEUE: urls.enqueue.url,
  FORGEQ_DATABASE_URL_API: urls.api.url,
  ...(!env["FORGEQ_SECRET"] && { FORGEQ_SECRET: secret() }),
});
