import { createHash } from "node:crypto";
import { type AwsAccess, isServerFault, sendAgain } from "./request.ts";

/** ForgeQ retries the job; more tries here would outlast the handler. */
const RETRIES = { tries: 2, firstPauseMs: 50, longestPauseMs: 50, isPassing: isServerFault };

export interface S3PutInput extends AwsAccess {
  readonly bucket: string;
  /** Without a leading slash. */
  readonly key: string;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly signal: AbortSignal;
}

/** Where a folder-like S3 address points. */
export interface S3Location {
  readonly bucket: string;
  /** Empty, or without slashes at its ends. */
  readonly prefix: string;
}

/**
 * Reads `s3://bucket/prefix`; undefined for anything that does not begin with `s3://`.
 *
 * @throws Error when the bucket's name is none
 */
export const parseS3Location = (address: string): S3Location | undefined => {
  if (!address.startsWith("s3://")) return undefined;
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(address) ?? [];
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new Error(`${JSON.stringify(address)} is not s3://bucket/prefix`);
  return { bucket, prefix: prefix.replace(/^\/+|\/+$/g, "") };
};

const encodeKey = (key: string): string => key.split("/").map(encodeURIComponent).join("/");

/**
 * Uploads one object with a single signed PUT (SigV4, the body's hash included). The object is there whole or not at all.
 *
 * @throws Error with S3's status and error code; the signal's reason
 */
export const putS3Object = async (input: S3PutInput): Promise<void> => {
  const { bucket, key, body, signal } = input;
  const { status, text } = await sendAgain(
    input,
    {
      service: "s3",
      method: "PUT",
      path: `/${bucket}/${encodeKey(key)}`,
      headers: {
        "content-type": input.contentType,
        "x-amz-content-sha256": createHash("sha256").update(body).digest("hex"),
      },
      body,
      signal,
    },
    RETRIES,
  );
  if (status >= 200 && status < 300) return;
  const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? "no code";
  throw new Error(`S3 refused s3://${bucket}/${key}: ${status} ${code}`);
};
