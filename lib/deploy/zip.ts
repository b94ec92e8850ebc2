/** Zip files, the same for the same content: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";

const DEFLATE = 8;
/** 1 January 1980, the first day that a zip file knows. */
const DAY = 0x21;
/** Unix, and a file that everybody may read: Lambda's runtime is another user. */
const MADE_BY = (3 << 8) | 20;
const MODE = 0o100644 << 16;

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
}

const numbers = (...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer =>
  Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      field.writeUIntLE(value >>> 0, 0, bytes);
      return field;
    }),
  );

const filesOf = (folder: string): Entry[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => ({ name: name.replaceAll("\\", "/"), content: readFileSync(join(folder, name)) }));

/** The files of a folder as a zip file. */
export const zipFolder = (folder: string): Buffer => {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content } of filesOf(folder)) {
    const [bytes, packed] = [Buffer.from(name), deflateRawSync(content, { level: 9 })];
    const common = numbers(
      ...([[2, 20], [2, 0x800], [2, DEFLATE], [2, 0], [2, DAY], [4, crc32(content)]] as const), // prettier-ignore
      ...([[4, packed.length], [4, content.length], [2, bytes.length], [2, 0]] as const), // prettier-ignore
    );
    const local = Buffer.concat([numbers([4, 0x04034b50]), common, bytes, packed]);
    directory.push(
      Buffer.concat([
        numbers([4, 0x02014b50], [2, MADE_BY]),
        common,
        numbers([2, 0], [2, 0], [2, 0], [4, MODE], [4, at]),
        bytes,
      ]),
    );
    parts.push(local);
    at += local.length;
  }
  const listed = Buffer.concat(directory);
  const count = directory.length;
  const end = numbers([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, listed.length], [4, at], [2, 0]);
  return Buffer.concat([...parts, listed, end]);
};
