import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { putS3Object } from "../../../lib/aws/s3-put.ts";
import type { AwsAccess, S3Location } from "../../../lib/aws/s3-put.ts";

/** Keeps one finished report; gives the place where it can be found. Storing a name again replaces it, never in parts. */
export type StoreReport = (name: string, content: string, signal: AbortSignal) => Promise<string>;

/**
 * Keeps reports in a folder, made when it is missing. The file appears under its name once it is whole and on disk,
 * and only this user can read it.
 *
 * @param folder - relative ones start at the working directory
 */
export const folderStore =
  (folder: string): StoreReport =>
  async (name, content, signal) => {
    const file = resolve(folder, name);
    const draft = join(resolve(folder), `.${name}.${randomUUID()}.tmp`);
    await mkdir(resolve(folder), { recursive: true, mode: 0o700 });
    try {
      const handle = await open(draft, "wx", 0o600);
      try {
        await handle.writeFile(content, { signal });
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, file);
    } catch (error) {
      await rm(draft, { force: true });
      signal.throwIfAborted();
      throw error;
    }
    return file;
  };

/** Keeps reports in S3, one signed upload each. */
export const s3Store =
  (location: S3Location, access: AwsAccess): StoreReport =>
  async (name, content, signal) => {
    const { bucket, prefix } = location;
    const key = prefix === "" ? name : `${prefix}/${name}`;
    await putS3Object({
      ...access,
      bucket,
      key,
      body: Buffer.from(content),
      contentType: "text/csv; charset=utf-8",
      signal,
    });
    return `s3://${bucket}/${key}`;
  };
