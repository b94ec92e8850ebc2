import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";

/** Who signs, and where. */
export interface AwsAccess {
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** AWS' own when not given; a stand-in's address in tests. */
  readonly endpoint?: string;
}

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
  const { region, credentials, bucket, key, body, signal } = input;
  const endpoint = input.endpoint ?? `https://s3.${region}.amazonaws.com`;
  // ForgeQ retries the job; aws4fetch's own ten tries would outlast the handler.
  const client = new AwsClient({ ...credentials, region, service: "s3", retries: 1 });
  const response = await client.fetch(`${endpoint}/${bucket}/${encodeKey(key)}`, {
    method: "PUT",
    body,
    signal,
    headers: {
      "content-type": input.contentType,
      "x-amz-content-sha256": createHash("sha256").update(body).digest("hex"),
    },
  });
  const answer = await response.text();
  if (response.ok) return;
  const code = /<Code>([^<]*)<\/Code>/.exec(answer)?.[1] ?? "no code";
  throw new Error(`S3 refused s3://${bucket}/${key}: ${response.status} ${code}`);
};
