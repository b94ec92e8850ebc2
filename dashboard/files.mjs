// How the files that a browser gets are written: compressed alone, and none of them in part.
import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

const compressions = {
  ".gz": (bytes) => promisify(gzip)(bytes, { level: 9 }),
  ".br": (bytes) => promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
};

/** A file is there whole or not at all: another process may be reading the folder. */
const writeWhole = async (file, bytes) => {
  const unfinished = `${file}.${process.pid}.tmp`;
  await writeFile(unfinished, bytes);
  await rename(unfinished, file);
};

/** Writes the compressions of a file; the server unpacks one for whoever takes none. @returns the bytes of each: gz and br */
export const writeCompressed = async (file, contents) => {
  const bytes = {};
  for (const [suffix, compress] of Object.entries(compressions)) {
    const compressed = await compress(contents);
    bytes[suffix.slice(1)] = compressed.length;
    await writeWhole(file + suffix, compressed);
  }
  return bytes;
};

/** What an earlier build left. */
export const removeOthers = async (outdir, names) => {
  for (const file of await readdir(outdir))
    if (!(/\.(gz|br)$/.test(file) && names.has(file.replace(/\.\w+$/, ""))) && !file.endsWith(".tmp"))
      await rm(join(outdir, file), { force: true });
};
