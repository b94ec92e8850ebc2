import { TextDecoder } from "node:util";

/** How far the HTML standard's prescan looks for a declaration. https://html.spec.whatwg.org/#prescan-a-byte-stream-to-determine-its-encoding */
const PRESCAN_BYTES = 1024;

const decoderFor = (label: string | undefined): TextDecoder | undefined => {
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label);
  } catch {
    return undefined;
  }
};

const byteOrderMark = (body: Buffer): string | undefined => {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf) return "utf-8";
  if (body[0] === 0xfe && body[1] === 0xff) return "utf-16be";
  return body[0] === 0xff && body[1] === 0xfe ? "utf-16le" : undefined;
};

const fromHeader = (contentType: string): string | undefined => /charset\s*=\s*"?([^\s";,]+)/i.exec(contentType)?.[1];

const fromMeta = (body: Buffer): string | undefined => {
  const head = body.toString("latin1", 0, PRESCAN_BYTES);
  const label = /<meta\s[^>]*?charset\s*=\s*["']?\s*([^\s"'/>;]+)/i.exec(head)?.[1];
  // Bytes in which this declaration could be read are not UTF-16, whatever it says.
  return label && /^utf-?16/i.test(label) ? "utf-8" : label;
};

/**
 * Turns a page's bytes into text, as browsers do: byte order mark, then Content-Type, then `<meta charset>`; unknown
 * labels are passed over. Without any: UTF-8 if the bytes are that, otherwise windows-1252. Never throws.
 */
export const decodeText = (body: Buffer, contentType: string): string => {
  const declared = decoderFor(byteOrderMark(body)) ?? decoderFor(fromHeader(contentType)) ?? decoderFor(fromMeta(body));
  if (declared) return declared.decode(body);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return new TextDecoder("windows-1252").decode(body);
  }
};
