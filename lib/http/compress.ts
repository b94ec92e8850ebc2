import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const toBrotli = promisify(brotliCompress);
const toGzip = promisify<string, Buffer>(gzip);

const ENCODINGS = ["br", "gzip"] as const;

/** The best encoding that the client takes, or null. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3 */
export const encodingFor = (accepted: string | undefined): (typeof ENCODINGS)[number] | null => {
  const weights = new Map(
    (accepted ?? "").split(",").map((each) => {
      const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="));
      return [name, weight === undefined ? 1 : Number(weight.slice(2)) || 0];
    }),
  );
  const weightOf = (name: string): number => weights.get(name) ?? weights.get("*") ?? 0;
  const [best] = ENCODINGS.filter((name) => weightOf(name) > 0).sort((a, b) => weightOf(b) - weightOf(a));
  return best ?? null;
};

/** Of JSON that is made for one request: more takes longer than it saves. */
const BROTLI_QUALITY = 4;

export const compress = (encoding: "br" | "gzip", text: string): Promise<Buffer> =>
  encoding === "gzip"
    ? toGzip(text)
    : toBrotli(text, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
          [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
          [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
        },
      });
