import { ForgeqError } from "../core/errors.ts";
import { reasonOf } from "../core/reason.ts";
import { type AwsAccess, type AwsAnswer, endpointOf, isServerFault, sendAgain } from "./request.ts";

const KEEP_MS = 5 * 60_000;
const TIMEOUT_MS = 5_000;
const MESSAGE_CHARACTERS = 300;
/** What an account may read in a second is used up by cold starts that come together: they have to come apart. */
const RETRY_AFTER_SECONDS = 2;
/** A right or a name that is missing is there after the next deploy. */
const REFUSED_AFTER_SECONDS = 30;

/** A secret that can't be read; the reason is for the log, and no client sees it. */
export const unreadable = (what: string, reason: string, isPassing: boolean, cause?: unknown): ForgeqError =>
  new ForgeqError(
    "secrets_unavailable",
    `${what} can't be read: ${reason}`,
    { retryAfterSeconds: isPassing ? RETRY_AFTER_SECONDS : REFUSED_AFTER_SECONDS },
    { cause },
  );

interface Refusal {
  readonly __type?: string;
  readonly message?: string;
  readonly Message?: string;
}

const refusalOf = ({ text }: AwsAnswer): Refusal => {
  try {
    return JSON.parse(text) as Refusal;
  } catch {
    return { message: text.slice(0, MESSAGE_CHARACTERS) };
  }
};

/** `AccessDeniedException`, of what may have a name space before it. */
const typeOf = (answer: AwsAnswer): string => refusalOf(answer).__type?.split("#").pop() ?? `HTTP ${answer.status}`;

const PASSING = /Throttling|TooManyRequests|RequestLimitExceeded|InternalS|InternalF|ServiceUnavailable/;

/** These services say with HTTP 400 what others say with 429. */
const isPassing = (answer: AwsAnswer): boolean =>
  isServerFault(answer) || (answer.status >= 400 && PASSING.test(typeOf(answer)));

const RETRIES = { tries: Infinity, firstPauseMs: 200, longestPauseMs: 1_000, isPassing };

/**
 * One call of a service that holds secrets, sent again for 5 s while it has too much to do.
 *
 * @param what - is read, for messages
 * @returns the answer's JSON
 * @throws ForgeqError `secrets_unavailable` with the service's own reason
 */
export const askForSecret = async (
  access: AwsAccess,
  service: "secretsmanager" | "ssm",
  target: string,
  input: unknown,
  what: string,
): Promise<unknown> => {
  const request = {
    service,
    method: "POST",
    path: "/",
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": target },
    body: JSON.stringify(input),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  } as const;
  const answer = await sendAgain(access, request, RETRIES).catch((error: unknown) => {
    throw unreadable(what, `${new URL(endpointOf(service, access)).host}: ${reasonOf(error)}`, true, error);
  });
  if (answer.status === 200) return JSON.parse(answer.text);
  const { message, Message } = refusalOf(answer);
  const said = (message ?? Message ?? "").slice(0, MESSAGE_CHARACTERS);
  throw unreadable(what, said === "" ? typeOf(answer) : `${typeOf(answer)}: ${said}`, isPassing(answer));
};

interface GetParameters {
  readonly Parameters?: readonly { readonly Name: string; readonly Value: string }[];
  readonly InvalidParameters?: readonly string[];
}

const fetchParameters = async (names: readonly string[], access: AwsAccess): Promise<ReadonlyMap<string, string>> => {
  const what = `${names.length === 1 ? "the SSM parameter" : "the SSM parameters"} ${names.join(", ")}`;
  const input = { Names: names, WithDecryption: true };
  const answer = (await askForSecret(access, "ssm", "AmazonSSM.GetParameters", input, what)) as GetParameters;
  return new Map(answer.Parameters?.map(({ Name, Value }) => [Name, Value]));
};

interface Kept {
  readonly value: Promise<string | undefined>;
  readonly untilMs: number;
}

const kept = new Map<string, Kept>();

/**
 * The next read of these asks SSM again: what was kept is refused by whoever it is for.
 *
 * @param olderThanMs - what was read since stays
 */
export const forgetParameters = (names: readonly string[], olderThanMs = 0): void => {
  const latestMs = performance.now() + KEEP_MS - olderThanMs;
  for (const name of names) if ((kept.get(name)?.untilMs ?? 0) <= latestMs) kept.delete(name);
};

/**
 * A parameter of SSM, decrypted; kept for five minutes in this process. A failure is not kept.
 * https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
 *
 * @param soon - others, nine at most, that the same request reads where they are not kept; one that does not exist is no failure here
 * @throws ForgeqError `secrets_unavailable` with SSM's reason
 */
export const getParameter = async (name: string, access: AwsAccess, soon: readonly string[] = []): Promise<string> => {
  const nowMs = performance.now();
  const missing = [...new Set([name, ...soon])].filter((each) => (kept.get(each)?.untilMs ?? 0) <= nowMs);
  if (missing.includes(name)) {
    const fetched = fetchParameters(missing, access);
    for (const each of missing) {
      const entry = { value: fetched.then((values) => values.get(each)), untilMs: nowMs + KEEP_MS };
      kept.set(each, entry);
      const forget = () => kept.get(each) === entry && kept.delete(each);
      entry.value.then((value) => value === undefined && forget(), forget);
    }
  }
  const value = await kept.get(name)?.value;
  if (value !== undefined) return value;
  throw unreadable(`the SSM parameter ${name}`, "it does not exist, or not in this region", false);
};
