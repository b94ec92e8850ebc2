/** Requests that a stranger with a key may send, from the OpenAPI document and against it, by a seed. */
import { brotliCompressSync, gzipSync } from "node:zlib";
import { operations } from "../../../lib/http/operations.ts";

export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** Sent in chunks, without a length. */
  readonly chunked: boolean;
  /** The connection ends in the middle of the body. */
  readonly truncated: boolean;
}

/** Mulberry32: small, and the same everywhere. */
export const randomOf = (seed: number) => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return { next, below, pick: <Value>(all: readonly Value[]): Value => all[below(all.length)]!, chance: (share: number) => next() < share }; // prettier-ignore
};

type Random = ReturnType<typeof randomOf>;

const nested = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);

/** Texts of JSON values that something may stumble over. */
const VALUES: readonly ((random: Random) => string)[] = [
  ...["null", "true", "0", "-0", "-1", "1e131071", "1e-400", "9007199254740993", "1.0000000000000001", "1e999", "NaN"].map((text) => () => text), // prettier-ignore
  ...['""', '" "', '"\\u0000"', '"\\ud800"', '"\\udfff\\ud800"', '"\\u202e"', '"\ufeff"', '"<img onerror=1>"', '"%00"'].map((text) => () => text), // prettier-ignore
  ...["[]", "{}", "[null]", '{"__proto__":{"a":1}}', '{"constructor":{"prototype":1}}', '{"a":1,"a":2}', '{"":1}'].map((text) => () => text), // prettier-ignore
  ...['"2030-13-01T00:00:00Z"', '"infinity"', '"0000-00-00"', '"99999-01-01T00:00:00Z"', '"\'; drop table job; --"'].map((text) => () => text), // prettier-ignore
  (random) => nested("[", "]", random.pick([63, 64, 65, 5_000])),
  (random) => nested('{"a":', "}", 1).replace(":", `:${nested("[", "]", random.pick([62, 200]))}`),
  (random) => JSON.stringify("x".repeat(random.pick([201, 2_049, 70_000, 300_000]))),
  (random) => `[${"1,".repeat(random.pick([100, 20_000]))}1]`,
  (random) => JSON.stringify(Object.fromEntries(Array.from({ length: random.pick([20, 5_000]) }, (_, n) => [`k${n}`, n]))), // prettier-ignore
];

const PIECES = ["..", ".", "%2e%2e", "%00", "%", "%zz", "%2f", "\\", ";a=b", "x".repeat(5_000), "019ab000-0000-7000-8000-00000000000a", "emails", "EMAILS", "__proto__", "*", "''", "~", "batch", "%F0%9F%92%A9", "%ED%A0%80"]; // prettier-ignore

const pathOf = (random: Random, pattern: string): string => {
  const filled = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    random.chance(0.5)
      ? name === "id" ? "019ab000-0000-7000-8000-00000000000a" : "emails" // prettier-ignore
      : random.pick(PIECES),
  );
  if (random.chance(0.85)) return filled;
  return random.pick([`/${filled}`, `${filled}/`, filled.toUpperCase(), `${filled}/${random.pick(PIECES)}`, `/${random.pick(PIECES)}${filled}`, filled.replace("/", "//")]); // prettier-ignore
};

const QUERY_VALUES = ["", "0", "1", "-1", "101", "1e2", "true", "null", "%00", "%ff", "%ED%A0%80", "a,b", "dead", "payload,attempts", "2030-01-01T00:00:00Z", "infinity", "x".repeat(3_000), "bm9wZQ", "[]", "$gt"]; // prettier-ignore
const QUERY_NAMES = ["state", "type", "queue", "id", "limit", "cursor", "include", "error", "created_after", "unique_key", "payload.a", "payload.", "metadata.a.b", "metadata./a", "payload.__proto__", "deep", "bogus", "__proto__", "constructor", ""]; // prettier-ignore

const queryOf = (random: Random): string => {
  if (random.chance(0.6)) return "";
  const pairs = Array.from({ length: 1 + random.below(4) }, () => `${random.pick(QUERY_NAMES)}=${random.pick(QUERY_VALUES)}`); // prettier-ignore
  return `?${pairs.join("&")}`;
};

/** The example's text with one value, or one key, replaced; or cut, doubled, followed by more. */
const mutated = (random: Random, example: string): string => {
  const value = random.pick(VALUES)(random);
  const members = [...example.matchAll(/"(\w+)":("[^"]*"|-?\d+|true|false|null)/g)];
  const at = members.length === 0 ? undefined : random.pick(members);
  switch (random.below(8)) {
    case 0:
      return value;
    case 1:
      return example.slice(0, random.below(example.length));
    case 2:
      return example + random.pick(["x", "{}", "\u0000", ","]);
    case 3:
      return example.replace(
        "{",
        `{${JSON.stringify(random.pick(["bogus", "__proto__", "toString", "reason"]))}:${value},`,
      );
    case 4:
      return at === undefined ? value : example.replace(at[0], `${at[0]},"${at[1]}":${value}`);
    case 5:
      return at === undefined ? value : example.replace(at[0], `"${random.pick(["", "__proto__", "Type"])}":${value}`);
    default:
      return at === undefined ? value : example.replace(at[0], `"${at[1]}":${value}`);
  }
};

const encoded = (random: Random, text: string): { bytes: Buffer; headers: Record<string, string> } => {
  const json = { "content-type": "application/json" };
  if (random.chance(0.85)) return { bytes: Buffer.from(text), headers: json };
  return random.pick([
    { bytes: Buffer.from(text, "utf16le"), headers: json },
    { bytes: Buffer.from(text, "latin1"), headers: { "content-type": "application/json; charset=latin1" } },
    { bytes: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]), headers: json },
    { bytes: Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xfe])]), headers: json },
    { bytes: gzipSync(text), headers: { ...json, "content-encoding": "gzip" } },
    { bytes: brotliCompressSync(text), headers: { ...json, "content-encoding": "br" } },
    { bytes: gzipSync(text), headers: json },
    { bytes: Buffer.from(text), headers: { "content-type": "text/plain" } },
    { bytes: Buffer.from(text), headers: {} },
    { bytes: Buffer.from(text), headers: { "content-type": "application/x-www-form-urlencoded" } },
  ]);
};

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"];
const HEADERS = [
  { "accept-encoding": "br;q=0.1, gzip, *;q=9" },
  { "accept-encoding": ",,;;q=,br;" },
  { "if-none-match": '*, W/"", "' },
  { traceparent: "00-zz" },
  { origin: "null", "access-control-request-method": "DELETE" },
  { "idempotency-key": "x".repeat(300) },
  { "x-forgeq-dashboard": "1", cookie: "__Host-forgeq=x.y.z; forgeq=%00" },
  {},
  {},
  {},
];

/** @param examples - bodies by operation id */
export const hostileRequest = (random: Random, examples: Readonly<Record<string, unknown>>): HostileRequest => {
  // Jobs are what is stored: one request in six is one.
  const enqueue = operations.filter(({ id }) => id === "enqueueJob");
  const { id, method, path } = random.pick(random.chance(0.17) ? enqueue : operations);
  const example = examples[id] ?? random.pick(Object.values(examples));
  const text = JSON.stringify(example);
  const hasBody = method !== "GET" ? random.chance(0.9) : random.chance(0.05);
  const sent = encoded(random, random.chance(0.15) ? text : mutated(random, text));
  return {
    method: random.chance(0.9) ? method : random.pick(METHODS),
    path: pathOf(random, path) + queryOf(random),
    headers: { ...(hasBody && sent.headers), ...random.pick(HEADERS) },
    body: hasBody ? sent.bytes : null,
    chunked: hasBody && random.chance(0.1),
    truncated: hasBody && random.chance(0.01),
  };
};
