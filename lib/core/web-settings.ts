import { ForgeqError } from "./errors.ts";

/** The variables of it, as they are set. */
export interface ConfiguredWeb {
  /** FORGEQ_BASE_PATH */
  readonly basePath?: string | undefined;
  /** FORGEQ_CORS_ORIGINS */
  readonly origins?: string | undefined;
}

/** How the HTTP API is reached. */
export interface WebSettings {
  /** What comes before each of its paths: `/queue`; empty for none. */
  readonly basePath: string;
  /** The origins whose pages may read its answers: `https://app.example.com`. */
  readonly origins: readonly string[];
}

const BASE_PATH = /^(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/;

/**
 * Reads FORGEQ_BASE_PATH.
 *
 * @throws ForgeqError `internal` that names the variable
 */
export const parseBasePath = (text = ""): string => {
  if (text === "" || BASE_PATH.test(text)) return text;
  throw new ForgeqError(
    "internal",
    "FORGEQ_BASE_PATH is not valid: it begins with a slash and ends without, as /queue",
  );
};

/**
 * Reads FORGEQ_LOG_URL: where the logs of a job are, with `{job_id}`, `{type}`, `{queue}`, `{from_ms}` and `{to_ms}` in it.
 *
 * @returns null for none
 * @throws ForgeqError `internal` that names the variable
 */
export const parseLogUrl = (text = ""): string | null => {
  if (text === "") return null;
  if (/^https?:\/\/[^/{]/.test(text) && URL.canParse(text.replaceAll(/\{\w+\}/g, "0"))) return text;
  throw new ForgeqError(
    "internal",
    "FORGEQ_LOG_URL is not valid: it is an address as https://logs.example.com/?q={job_id}",
  );
};

const isOrigin = (text: string): boolean => {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text && !text.includes("*");
};

/**
 * Reads FORGEQ_CORS_ORIGINS: exact origins with commas between.
 *
 * @throws ForgeqError `internal` that names the variable, and what is none
 */
const parseOrigins = (text = ""): readonly string[] => {
  const origins = text.split(",").map((each) => each.trim());
  const wrong = origins.find((each) => each !== "" && !isOrigin(each));
  if (wrong !== undefined)
    throw new ForgeqError(
      "internal",
      `FORGEQ_CORS_ORIGINS is not valid: ${wrong} is no origin, as https://app.example.com; there are no patterns`,
    );
  return origins.filter(Boolean);
};

/** @throws ForgeqError `internal` that names the variable that is not valid */
export const parseWebSettings = ({ basePath, origins }: ConfiguredWeb): WebSettings => ({
  basePath: parseBasePath(basePath),
  origins: parseOrigins(origins),
});

/** The path below the base path, or null when it lies elsewhere. */
export const belowBasePath = (basePath: string, path: string): string | null => {
  if (basePath === "") return path;
  return path.startsWith(`${basePath}/`) ? path.slice(basePath.length) : null;
};
