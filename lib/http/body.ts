import { parseJson } from "../core/document.ts";
import { ForgeqError } from "../core/errors.ts";

/** A request's body as API Gateway passes it on. */
export interface RawBody {
  readonly body?: string | null | undefined;
  readonly isBase64Encoded?: boolean | undefined;
}

/** serverless-offline gives the JSON texts `false` and `0` as what they mean, where API Gateway gives texts. */
export const rawBody = ({ body, isBase64Encoded }: RawBody): RawBody => ({
  body: typeof body === "string" || body === undefined || body === null ? body : JSON.stringify(body),
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

const textOf = ({ body, isBase64Encoded }: RawBody): string => {
  if (typeof body !== "string") return "";
  // A byte order mark is no part of the text; the decoder below leaves it out by itself.
  if (isBase64Encoded !== true) return body.replace(/^\ufeff/, "");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(body, "base64"));
  } catch {
    throw new ForgeqError("malformed_json", "The body is not UTF-8");
  }
};

/**
 * Reads a JSON body.
 *
 * @param maxBytes - of the decoded body
 * @throws ForgeqError `unsupported_media_type`, `payload_too_large` or `malformed_json`
 */
export const readJsonBody = (raw: RawBody, headers: Readonly<Record<string, string>>, maxBytes: number): unknown => {
  checkMediaType(headers);
  const bytes = Buffer.byteLength(raw.body ?? "", raw.isBase64Encoded === true ? "base64" : "utf8");
  if (bytes > maxBytes)
    throw new ForgeqError("payload_too_large", `The body has ${bytes} bytes; at most ${maxBytes} are taken`);
  const text = textOf(raw);
  if (text.trim() === "") throw new ForgeqError("malformed_json", "The body is empty");
  return parseJson(text);
};
