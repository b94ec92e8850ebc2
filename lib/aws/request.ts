import { AwsV4Signer } from "aws4fetch";
import { sendHttp } from "./send.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Who signs, and where. */
export interface AwsAccess {
  readonly region: string;
  /** Asked for each request, because Lambda's rotate. */
  readonly credentials: () => Credentials;
  /** AWS' own when not given; a stand-in's, or a VPC endpoint's. */
  readonly endpoint?: string | undefined;
}

export interface AwsRequest {
  readonly service: "lambda" | "s3" | "scheduler" | "secretsmanager" | "ssm";
  readonly method: "POST" | "PUT";
  /** Encoded, with its leading slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Ends the request, its answer's body included. */
  readonly signal: AbortSignal;
}

export interface AwsAnswer {
  readonly status: number;
  readonly text: string;
}

/** What host names end in, by the beginning of their region; https://docs.aws.amazon.com/general/latest/gr/rande.html */
const SUFFIXES = [
  ["cn-", "amazonaws.com.cn"],
  ["eusc-", "amazonaws.eu"],
  ["us-iso-", "c2s.ic.gov"],
  ["us-isob-", "sc2s.sgov.gov"],
  ["us-isof-", "csp.hci.ic.gov"],
  ["eu-isoe-", "cloud.adc-e.uk"],
] as const;

export const hostSuffix = (region: string): string =>
  SUFFIXES.find(([beginning]) => region.startsWith(beginning))?.[1] ?? "amazonaws.com";

/** Is this the URL of a database of RDS, Aurora or RDS Proxy? One that is no URL is not. */
export const isAmazonHost = (url: string): boolean => {
  const { hostname = "" } = URL.parse(url) ?? {};
  const suffixes = ["amazonaws.com", ...SUFFIXES.map(([, suffix]) => suffix)];
  return hostname.includes(".rds.") && suffixes.some((suffix) => hostname.endsWith(`.${suffix}`));
};

/** Where a service is, without a slash at its end. */
export const endpointOf = (service: AwsRequest["service"], { region, endpoint }: AwsAccess): string =>
  endpoint?.replace(/\/+$/, "") ?? `https://${service}.${region}.${hostSuffix(region)}`;

/** Rejects when the signal does, whatever becomes of the work. */
const untilAborted = async <Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> => {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
};

/**
 * Sends one request, signed by SigV4, and reads its answer to the end.
 *
 * The signal is listened to here too: what merely follows one, as a `Request` of `fetch` does, has been collected in the middle of a request.
 * https://github.com/nodejs/undici/issues/4068
 *
 * @throws the signal's reason; the connection's error
 */
export const sendSigned = (access: AwsAccess, request: AwsRequest): Promise<AwsAnswer> => {
  const { service, method, path, headers, body, signal } = request;
  const { accessKeyId, secretAccessKey, sessionToken } = access.credentials();
  return untilAborted(signal, async () => {
    const signer = new AwsV4Signer({
      url: `${endpointOf(service, access)}${path}`,
      method,
      headers: { ...headers },
      body,
      // A stand-in takes whatever it is given.
      accessKeyId: accessKeyId || "local",
      secretAccessKey: secretAccessKey || "local",
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service,
      region: access.region,
    });
    const signed = await signer.sign();
    return sendHttp(signed.url, { method, headers: Object.fromEntries(signed.headers), body, signal });
  });
};

export interface AwsRetries {
  /** Tries in all, at most. */
  readonly tries: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** Of an answer: it may be another one soon. */
  readonly isPassing: (answer: AwsAnswer) => boolean;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  untilAborted(signal, () => new Promise((resolve) => setTimeout(resolve, ms)));

/** Too much was asked of the service, or it has a fault of its own. */
export const isServerFault = ({ status }: AwsAnswer): boolean => status === 429 || status >= 500;

/**
 * Sends a request that may be sent again, with a jittered pause that doubles, until it is answered or its signal ends it all.
 *
 * @returns the last answer; also one that is still passing when there are no tries or no time left
 * @throws the last error of the connection, or the signal's reason
 */
export const sendAgain = async (access: AwsAccess, request: AwsRequest, retries: AwsRetries): Promise<AwsAnswer> => {
  const { tries, firstPauseMs, longestPauseMs, isPassing } = retries;
  let last: AwsAnswer | undefined;
  for (let tried = 1; ; tried += 1) {
    try {
      last = await sendSigned(access, request);
      if (tried >= tries || !isPassing(last)) return last;
      await pause(
        Math.min(longestPauseMs, firstPauseMs * 2 ** (tried - 1)) * (0.5 + Math.random() / 2),
        request.signal,
      );
    } catch (error) {
      if (request.signal.aborted && last !== undefined) return last;
      if (request.signal.aborted || tried >= tries) throw error;
      await pause(firstPauseMs * Math.random(), request.signal);
    }
  }
};
