/** The files of the dashboard, which dashboard/build.mjs makes. They hold no data, so they are open to everybody. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ForgeqError } from "../core/errors.ts";
import type { dashboardOperations } from "./operations/dashboard.ts";
import type { HttpRequest, HttpResponse } from "./router.ts";
import type { Servers } from "./serve.ts";

/** Beside a function's bundle; in a checkout; in the package. The first one that was built is taken. */
const FOLDERS = ["./dashboard/", "../../.build/dashboard/", "../../dashboard/"];
const INDEX = "index.html";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/** The best first. */
const ENCODINGS = [
  { name: "br", suffix: ".br" },
  { name: "gzip", suffix: ".gz" },
] as const;

type Files = ReadonlyMap<string, Uint8Array>;

const NONE: Files = new Map();

const readFolder = async (folder: string): Promise<Files> => {
  const names = await readdir(folder).catch((): string[] => []);
  // A folder of sources has no compressed page.
  if (!names.includes(`${INDEX}.br`)) return NONE;
  const whole = names.filter((name) => !name.endsWith(".tmp"));
  return new Map(await Promise.all(whole.map(async (name) => [name, await readFile(folder + name)] as const)));
};

const readFiles = async (): Promise<Files> => {
  for (const folder of FOLDERS) {
    const files = await readFolder(fileURLToPath(new URL(folder, import.meta.url)));
    if (files.size > 0) return files;
  }
  return NONE;
};

const accepts = (header: string | undefined, encoding: string): boolean =>
  (header ?? "").split(",").some((each) => {
    const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });

const answerOf = (files: Files, name: string, accepted: string | undefined): HttpResponse => {
  const plain = files.get(name);
  if (plain === undefined)
    throw new ForgeqError("not_found", files.size === 0 ? "The dashboard was not built" : "There is no such file");
  const encoding = ENCODINGS.find((each) => accepts(accepted, each.name) && files.has(name + each.suffix));
  return {
    status: 200,
    headers: {
      "content-type": TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream",
      "cache-control": name === INDEX ? "no-cache" : "public, max-age=31536000, immutable",
      "content-security-policy": CONTENT_SECURITY_POLICY,
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      vary: "accept-encoding",
      ...(encoding !== undefined && { "content-encoding": encoding.name }),
    },
    body: encoding === undefined ? plain : files.get(name + encoding.suffix),
  };
};

/** What serves the dashboard. Its files are read when the first is asked for, and kept: where none were built, the answer is 404. */
export const dashboardServers = (read: () => Promise<Files> = readFiles): Servers<typeof dashboardOperations> => {
  let reading: Promise<Files> | undefined;
  const file = async (name: string, { headers }: Pick<HttpRequest, "headers">): Promise<HttpResponse> => {
    const files = await (reading ??= read());
    // It may be built while the server runs.
    if (files.size === 0) reading = undefined;
    return answerOf(files, name, headers["accept-encoding"]);
  };
  return {
    getDashboard: (request) => file(INDEX, request),
    // Relative, because what a proxy takes away before the path is not known here.
    getDashboardSlash: ({ query }) => {
      const search = new URLSearchParams(query as Record<string, string>).toString();
      const location = `../dashboard${search === "" ? "" : `?${search}`}`;
      return Promise.resolve({ status: 308, headers: { location, "content-type": "text/plain" }, body: "" });
    },
    getDashboardFile: (request) => file(request.params["file"] ?? "", request),
  };
};
