const UUID = { oid: 2950, bytes: 16 };
const DASH = 45;

/**
 * An array of uuid as Postgres writes it: dimensions, nulls, type, length, first subscript, then each with its length. To read it as text
 * is a tenth of what a job of a bulk enqueue costs the server.
 */
export const binaryIds = (ids: readonly string[]): Buffer => {
  const bytes = Buffer.allocUnsafe(20 + (4 + UUID.bytes) * ids.length);
  let at = 0;
  for (const int4 of [1, 0, UUID.oid, ids.length, 1]) at = bytes.writeInt32BE(int4, at);
  let digits = 0;
  const texts = Buffer.from(ids.join(""), "latin1");
  for (let n = 0; n < texts.length; n += 1) {
    const code = texts[n] ?? DASH;
    if (code === DASH) continue;
    if (digits % (2 * UUID.bytes) === 0) at = bytes.writeInt32BE(UUID.bytes, at);
    // A letter's code is 64 and more, and its last four bits are 1 for an a.
    bytes[at] = ((bytes[at] ?? 0) << 4) | ((code & 15) + (code >> 6) * 9);
    at += digits % 2;
    digits += 1;
  }
  return bytes;
};
