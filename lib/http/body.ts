import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { parseJson } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";

/** A request's body as API Gateway passes it on, or the bytes that this process has read itself. */
export interface RawBody {
  readonly body?: string | Uint8Array | null | undefined;
  readonly isBase64Encoded?: boolean | undefined;
}

/** serverless-offline gives the JSON texts `false` and `0` as what they mean, where API Gateway gives texts. */
export const rawBody = ({ body, isBase64Encoded }: APIGatewayProxyEventV2): RawBody => ({
  body: typeof body === "string" ? body : JSON.stringify(body ?? undefined),
  isBase64Encoded,
});

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json *(?:;|$)/i;

const checkMediaType = (headers: Readonly<Record<string, string>>): void => {
  if (!JSON_TYPE.test(headers["content-type"] ?? ""))
    throw new ForgeqError("unsupported_media_type", "Send the body with content-type: application/json");
  const [, charset = "utf-8"] = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(headers["content-type"] ?? "") ?? [];
  if (!/^utf-?8$/i.test(charset)) throw new ForgeqError("unsupported_media_type", "Send the body in UTF-8");
  if ((headers["content-encoding"] ?? "identity").toLowerCase() !== "identity")
    throw new ForgeqError("unsupported_media_type", "Send the body without a content-encoding");
};

/** Leaves a byte order mark out: it is no part of the text. */
const decoder = new TextDecoder("utf-8", { fatal: true });

const bytesOf = ({ body, isBase64Encoded }: RawBody): string | Uint8Array =>
  typeof body === "string" && isBase64Encoded === true ? Buffer.from(body, "base64") : (body ?? "");

const textOf = (body: string | Uint8Array): string => {
  if (typeof body === "string") return body.replace(/^\ufeff/, "");
  try {
    return decoder.decode(body);
  } catch {
    throw new ForgeqError("malformed_json", "The body is not UTF-8");
  }
};

/** Is there nothing but spaces in it? */
export const isBlank = ({ body }: RawBody): boolean =>
  typeof body === "string" ? body.trim() === "" : (body ?? "").length === 0;

/**
 * Reads a JSON body.
 *
 * @param maxBytes - of the decoded body
 * @throws ForgeqError `unsupported_media_type`, `payload_too_large` or `malformed_json`
 */
export const readJsonBody = (raw: RawBody, headers: Readonly<Record<string, string>>, maxBytes: number): unknown => {
  checkMediaType(headers);
  const body = bytesOf(raw);
  const bytes = Buffer.byteLength(body);
  if (bytes > maxBytes)
    throw new ForgeqError("payload_too_large", `The body has ${bytes} bytes; at most ${maxBytes} are taken`);
  const text = textOf(body);
  if (text.trim() === "") throw new ForgeqError("malformed_json", "The body is empty");
  return parseJson(text);
};
