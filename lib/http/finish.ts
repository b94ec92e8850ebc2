/** What becomes of an answer on its way out, whatever route it is of: CORS, ETag, HEAD, compression. */
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { createHash } from "node:crypto";
import type { WebSettings } from "../core/web-settings.ts";

import { type Asked, varyBy, withHeaders } from "./answer-headers.ts";

type Result = APIGatewayProxyStructuredResultV2;

/** Smaller answers fit a packet as they are. */
const COMPRESSED_BYTES = 1024;

/** A list of entity tags, or any; tags are compared weakly. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
const hasTag = (list: string, tag: string): boolean =>
  list.trim() === "*" || list.split(",").some((each) => each.trim().replace(/^W\//, "") === tag.replace(/^W\//, ""));

const withTag = ({ method, headers }: Asked, result: Result): Result => {
  if ((method !== "GET" && method !== "HEAD") || result.statusCode !== 200) return result;
  const digest = createHash("sha256").update(result.body ?? "").digest("base64url"); // prettier-ignore
  const etag = `W/"${digest.slice(0, 22)}"`;
  const tagged = withHeaders(result, { etag });
  const known = headers["if-none-match"];
  if (known === undefined || !hasTag(known, etag)) return tagged;
  const { "content-type": _, ...kept } = tagged.headers ?? {};
  return { statusCode: 304, headers: kept, body: "" };
};

const compressed = async (asked: Asked, result: Result): Promise<Result> => {
  const { body = "", isBase64Encoded, headers = {} } = result;
  if (isBase64Encoded === true || headers["content-encoding"] !== undefined) return result;
  if (Buffer.byteLength(body) <= COMPRESSED_BYTES) return result;
  const varied = withHeaders(result, { vary: varyBy(result, "accept-encoding") });
  // Loaded for answers of some size alone.
  const { compress, encodingFor } = await import("./compress.ts");
  const encoding = encodingFor(asked.headers["accept-encoding"]);
  if (encoding === null) return varied;
  const bytes = await compress(encoding, body);
  return {
    ...withHeaders(varied, { "content-encoding": encoding }),
    body: bytes.toString("base64"),
    isBase64Encoded: true,
  };
};

/** The answer as it is sent. */
export const finish = async (asked: Asked, result: Result, { origins }: WebSettings): Promise<Result> => {
  const { withCors } = origins.length === 0 ? { withCors: undefined } : await import("./cors.ts");
  const allowed = withCors?.(asked, result, origins) ?? result;
  const whole = await compressed(asked, withTag(asked, allowed));
  // What a GET would get, but for the content.
  return asked.method === "HEAD" ? { ...whole, body: "", isBase64Encoded: false } : whole;
};
