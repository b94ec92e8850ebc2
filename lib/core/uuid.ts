const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

// One call of the system's generator for some 500 ids.
const pool = new Uint8Array(4096);
let used = pool.length;

/** Takes random bytes from the pool. @returns where they begin */
const draw = (bytes: number): number => {
  if (used + bytes > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += bytes;
  return used - bytes;
};

/** Eight random bytes as hex, the first two of them bits of the variant. */
const randomTail = (): string => {
  const start = draw(8);
  let text = HEX[((pool[start] ?? 0) & 0x3f) | 0x80] ?? "";
  for (let at = start + 1; at < start + 8; at += 1) text += (at === start + 2 ? "-" : "") + (HEX[pool[at] ?? 0] ?? "");
  return text;
};

const COUNTER_BITS = 12;
let lastMs = 0;
let counter = 0;
/** What the ids of this millisecond begin with. */
let prefix = "";

const begin = (ms: number): void => {
  lastMs = ms;
  const text = ms.toString(16).padStart(12, "0");
  prefix = `${text.slice(0, 8)}-${text.slice(8)}-7`;
};

/**
 * A UUID version 7, RFC 9562 section 5.7: 48 bits of Unix milliseconds, a counter (section 6.2, method 1), 62 random bits.
 * Those of one process sort in the order of making; when 4,096 of them fall into a millisecond the next one is borrowed.
 */
export const uuidV7 = (): string => {
  const nowMs = Date.now();
  counter += 1;
  if (nowMs > lastMs) {
    begin(nowMs);
    counter = pool[draw(1)] ?? 0;
  } else if (counter >= 1 << COUNTER_BITS) {
    begin(lastMs + 1);
    counter = 0;
  }
  return `${prefix}${(HEX[counter >> 8] ?? "").slice(1)}${HEX[counter & 0xff]}-${randomTail()}`;
};
