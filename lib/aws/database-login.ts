import { readFile } from "node:fs/promises";
import { AwsV4Signer } from "aws4fetch";
import { ForgeqError } from "../core/errors.ts";
import { type AwsAccess, isAmazonHost } from "./request.ts";
import { askForSecret, unreadable } from "./ssm.ts";

/** RDS takes a token for 15 minutes; a connection that it has opened stays. */
const TOKEN_SECONDS = 900;
const TOKEN_GOOD_MS = 10 * 60_000;

/** What RDS and Secrets Manager's rotation keep in a secret. One that RDS manages has the login alone. */
interface SecretFields {
  readonly username?: unknown;
  readonly password?: unknown;
  readonly host?: unknown;
  readonly port?: unknown;
  readonly dbname?: unknown;
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" || typeof value === "number" ? String(value) : undefined;

const parseSecret = (secret: string, name: string): SecretFields => {
  try {
    return JSON.parse(secret) as SecretFields;
  } catch {
    throw unreadable(`the secret ${name}`, "it is neither JSON nor a URL", false);
  }
};

/** The URL with a login that may hold any character. */
const withLogin = (url: string, user: string, password: string): string => {
  const parsed = new URL(url);
  parsed.username = encodeURIComponent(user);
  parsed.password = encodeURIComponent(password);
  return parsed.href;
};

/**
 * A database's URL from a secret of Secrets Manager, read anew: a URL, or the JSON of RDS.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
 *
 * @param base - says host, port, database and parameters where the secret does not
 * @throws ForgeqError `secrets_unavailable`
 */
export const readDatabaseSecret = async (access: AwsAccess, id: string, base: string | undefined): Promise<string> => {
  const what = `the secret ${id}`;
  const { SecretString: secret } = (await askForSecret(
    access,
    "secretsmanager",
    "secretsmanager.GetSecretValue",
    { SecretId: id },
    what,
  )) as { readonly SecretString?: string };
  if (secret === undefined) throw unreadable(what, "it is not text", false);
  if (/^postgres(?:ql)?:/.test(secret)) return secret;
  const fields = parseSecret(secret, id);
  const [user, password, host] = [text(fields.username), text(fields.password), text(fields.host)];
  const url = URL.parse(base ?? (host === undefined ? "" : `postgres://${host}/`));
  if (user === undefined || password === undefined || url === null)
    throw unreadable(what, "it has no username, password or host, and DATABASE_URL names no host", false);
  const [port, database] = [text(fields.port), text(fields.dbname)];
  if (host !== undefined) url.hostname = host;
  if (port !== undefined) url.port = port;
  if (database !== undefined) url.pathname = `/${encodeURIComponent(database)}`;
  return withLogin(url.href, user, password);
};

/**
 * A URL whose password is a token that IAM signs, here and without a request.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.Connecting.html
 *
 * @param url - with the role, whose password is not used
 * @returns it with the token, and until when to use that, by the process' own clock
 */
export const withIamToken = async (
  access: Pick<AwsAccess, "credentials" | "region">,
  url: string,
): Promise<{ readonly url: string; readonly untilMs: number }> => {
  const { hostname, port, username } = new URL(url);
  const user = decodeURIComponent(username);
  const query = new URLSearchParams({ Action: "connect", DBUser: user, "X-Amz-Expires": String(TOKEN_SECONDS) });
  const { sessionToken, ...keys } = access.credentials();
  const signer = new AwsV4Signer({
    ...keys,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    method: "GET",
    url: `https://${hostname}:${port || 5432}/?${query.toString()}`,
    service: "rds-db",
    region: access.region,
    signQuery: true,
  });
  const signed = await signer.sign();
  const token = signed.url.href.replace("https://", "");
  return { url: withLogin(url, user, token), untilMs: performance.now() + TOKEN_GOOD_MS };
};

/**
 * The authorities that are trusted for a database in addition to Node's.
 *
 * @param given - as PEM or as a file's path; without it Lambda's own file for Amazon's hosts, which Node does not read by itself
 * @param runtimeFolder - of Lambda's, undefined elsewhere
 */
export const readDatabaseCa = async (
  url: string,
  given: string | undefined,
  runtimeFolder: string | undefined,
): Promise<string | undefined> => {
  if (given?.startsWith("-----BEGIN") === true) return given;
  if (given !== undefined)
    return readFile(given, "utf8").catch((cause: unknown) => {
      throw new ForgeqError(
        "database_unavailable",
        "FORGEQ_DATABASE_CA names a file that can't be read",
        {},
        { cause },
      );
    });
  if (runtimeFolder === undefined || !isAmazonHost(url)) return undefined;
  return readFile(`${runtimeFolder}/ca-cert.pem`, "utf8").catch(() => undefined);
};
