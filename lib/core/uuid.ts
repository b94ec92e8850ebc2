/** The two characters of each byte, by their codes. */
const HEX = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join(""));

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

/** The next id. One that is strung together of its parts costs whoever reads it more than it cost to make. */
const text = Buffer.from("00000000-0000-7000-8000-000000000000");

const write = (byte: number, at: number): void => {
  text[at] = HEX[2 * byte] ?? 0;
  text[at + 1] = HEX[2 * byte + 1] ?? 0;
};

const COUNTER_BITS = 12;
let lastMs = 0;
let counter = 0;

const begin = (ms: number): void => {
  lastMs = ms;
  const digits = ms.toString(16).padStart(12, "0");
  text.write(`${digits.slice(0, 8)}-${digits.slice(8)}`);
};

/** The first two of eight random bytes are bits of the variant. */
const writeTail = (): void => {
  const start = draw(8);
  write(((pool[start] ?? 0) & 0x3f) | 0x80, 19);
  write(pool[start + 1] ?? 0, 21);
  for (let n = 2; n < 8; n += 1) write(pool[start + n] ?? 0, 20 + 2 * n);
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
  write(counter & 0xff, 16);
  text[15] = HEX[2 * (counter >> 8) + 1] ?? 0;
  writeTail();
  return text.toString("latin1");
};

/** The instant in an id, which is a UUID of version 7. */
export const idTime = (id: string): Date => new Date(parseInt(id.slice(0, 8) + id.slice(9, 13), 16));

/** The least id of a version 7, or of any, that can be made at or after an instant. */
export const leastId = (at: Date): string => {
  const digits = Math.max(0, Math.ceil(at.getTime())).toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
};
