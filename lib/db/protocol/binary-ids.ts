const UUID = { oid: 2950, bytes: 16, characters: 36 };
const DASH = 45;

/** A letter's code is 64 and more, and its last four bits are 1 for an a. */
const digitOf = (code = 0): number => (code & 15) + (code >> 6) * 9;

/**
 * An array of uuid as Postgres writes it: dimensions, nulls, type, length, first subscript, then each with its length. To read it as text
 * is a tenth of what a job of a bulk enqueue costs the server.
 */
export const binaryIds = (ids: readonly string[]): Buffer => {
  const texts = Buffer.from(ids.join(""), "latin1");
  const bytes = Buffer.allocUnsafe(20 + (4 + UUID.bytes) * ids.length);
  let at = 0;
  for (const int4 of [1, 0, UUID.oid, ids.length, 1]) at = bytes.writeInt32BE(int4, at);
  for (let n = 0; n < texts.length; n += 2) {
    if (n % UUID.characters === 0) at = bytes.writeInt32BE(UUID.bytes, at);
    if (texts[n] === DASH) n += 1;
    bytes[at++] = (digitOf(texts[n]) << 4) | digitOf(texts[n + 1]);
  }
  return bytes;
};
