const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A UUID version 7, RFC 9562 section 5.7: 48 bits of Unix milliseconds, then random bits. Sorts by time of making. */
export const uuidV7 = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(
    0,
    (BigInt(Date.now()) << 16n) | 0x7000n | (BigInt(bytes[7] ?? 0) << 4n) | BigInt((bytes[6] ?? 0) & 15),
  );
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = hex(bytes);
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20)}`;
};
