/** Signature version 4, checked as AWS does. https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
const OLDEST_MS = 5 * 60_000;

const sha256 = (value: string | Buffer): string => createHash("sha256").update(value).digest("hex");
const hmac = (key: string | Buffer, value: string): Buffer => createHmac("sha256", key).update(value).digest();

/** The credentials of a function's role. */
export const credentialsOf = (key: string) => ({
  AWS_ACCESS_KEY_ID: `ASIA${Buffer.from(key).toString("hex")}`,
  AWS_SECRET_ACCESS_KEY: `secret-of-${key}`,
  AWS_SESSION_TOKEN: `token-of-${key}`,
});

export interface Signed {
  /** Of the function that signed. */
  readonly key: string;
  readonly service: string;
  readonly region: string;
}

/** @returns who signed a request, or why it is refused */
export const checkSignature = (request: IncomingMessage, body: Buffer): Signed | string => {
  const { headers, method, url = "" } = request;
  const match = AUTHORIZATION.exec(headers.authorization ?? "");
  if (match === null) return "it is not signed";
  const [id, date, region, service, signedHeaders, signature] = match.slice(1) as [
    ...[string, string, string, string, string, string],
  ];
  const key = Buffer.from(id.slice(4), "hex").toString();
  const [path = "", query = ""] = url.split("?");
  const canonical = [
    method,
    // Every service but S3 takes the path encoded once more.
    service === "s3" ? path : path.split("/").map(encodeURIComponent).join("/"),
    query,
    ...signedHeaders.split(";").map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, " ")}`),
    "",
    signedHeaders,
    headers["x-amz-content-sha256"] ?? sha256(body),
  ].join("\n");
  const at = String(headers["x-amz-date"]);
  const text = ["AWS4-HMAC-SHA256", at, `${date}/${region}/${service}/aws4_request`, sha256(canonical)].join("\n");
  const secret = `AWS4${credentialsOf(key).AWS_SECRET_ACCESS_KEY}`;
  const signing = [date, region, service, "aws4_request"].reduce<string | Buffer>(hmac, secret) as Buffer;
  if (!timingSafeEqual(hmac(signing, text), Buffer.from(signature, "hex"))) return "its signature is wrong";
  if (headers["x-amz-security-token"] !== credentialsOf(key).AWS_SESSION_TOKEN) return "its token is wrong";
  const [, day, time] = /^(\d{8})T(\d{6})Z$/.exec(at) ?? [];
  if (day === undefined || time === undefined) return "it has no date";
  const iso = `${day.replace(/(....)(..)(..)/, "$1-$2-$3")}T${time.replace(/(..)(..)(..)/, "$1:$2:$3")}Z`;
  return Math.abs(Date.now() - Date.parse(iso)) > OLDEST_MS ? "it is too old" : { key, service, region };
};
