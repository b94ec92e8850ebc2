/** Files for browsers, which a build has made and compressed. They hold no data, so they are open to everybody. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { ForgeqError } from "../core/errors.ts";
import type { HttpRequest, HttpResponse } from "./router.ts";

const INDEX = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

/** The best first. */
const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

/** Compressed files by their names, which end in `.br` and `.gz`. */
export type Files = ReadonlyMap<string, Uint8Array>;

const NONE: Files = new Map();

const readFolder = async (folder: string): Promise<Files> => {
  const names = await readdir(folder).catch((): string[] => []);
  // A folder of sources has no compressed page.
  if (!names.includes(`${INDEX}.br`)) return NONE;
  const whole = names.filter((name) => !name.endsWith(".tmp"));
  return new Map(await Promise.all(whole.map(async (name) => [name, await readFile(folder + name)] as const)));
};

/** Beside a function's bundle; in a checkout; in the package. The first one that was built is taken. */
const readBuilt = async (folder: string): Promise<Files> => {
  for (const place of [`./${folder}/`, `../../.build/${folder}/`, `../../${folder}/`]) {
    const files = await readFolder(fileURLToPath(new URL(place, import.meta.url)));
    if (files.size > 0) return files;
  }
  return NONE;
};

const accepts = (header: string | undefined, encoding: string): boolean =>
  (header ?? "").split(",").some((each) => {
    const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });

export interface FilesOptions {
  /** What the build calls the folder. */
  readonly folder: string;
  /** What a browser may load for the page. */
  readonly policy: readonly string[];
  readonly missing: string;
  readonly read?: (() => Promise<Files>) | undefined;
}

/** Serves the files of a folder. They are read when the first is asked for, and kept: where none were built, the answer is 404. */
export const fileServer = ({ folder, policy, missing, read = () => readBuilt(folder) }: FilesOptions) => {
  let reading: Promise<Files> | undefined;
  const answer = async (name: string, { headers: asked }: Pick<HttpRequest, "headers">): Promise<HttpResponse> => {
    const files = await (reading ??= read());
    // It may be built while the server runs.
    if (files.size === 0) reading = undefined;
    const gzipped = files.get(`${name}.gz`);
    if (gzipped === undefined) throw new ForgeqError("not_found", files.size === 0 ? missing : "There is no such file");
    const encoding = ENCODINGS.find(
      (each) => accepts(asked["accept-encoding"], each.name) && files.has(name + each.suffix),
    );
    return {
      status: 200,
      headers: {
        "content-type": TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream",
        "cache-control": name === INDEX ? "no-cache" : "public, max-age=31536000, immutable",
        "content-security-policy": policy.join("; "),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        vary: "accept-encoding",
        ...(encoding !== undefined && { "content-encoding": encoding.name }),
      },
      body: encoding === undefined ? await promisify(gunzip)(gzipped) : files.get(name + encoding.suffix),
    };
  };
  return {
    page: (request: Pick<HttpRequest, "headers">) => answer(INDEX, request),
    file: (request: Pick<HttpRequest, "headers" | "params">) => answer(request.params["file"] ?? "", request),
  };
};
