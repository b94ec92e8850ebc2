/** The page of the API, which dashboard/reference/build.mjs makes with Redoc. */
import type { docsOperations } from "./operations/docs.ts";
import type { Servers } from "./serve.ts";
import { fileServer, type Files } from "./static-files.ts";

/** The styles that Redoc puts into the page: an empty element, which it fills by script, and those of its scroll bars. */
const REDOC_STYLES = [
  "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
  "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
];

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' ${REDOC_STYLES.join(" ")}`,
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/** What serves the page. It holds no data: it asks for the document as whoever is signed in, or with a key that is typed in. */
export const docsServers = (read?: () => Promise<Files>): Servers<typeof docsOperations> => {
  const { page, file } = fileServer({
    folder: "reference",
    policy: POLICY,
    missing: "The page of the API was not built",
    read,
  });
  return { getDocs: page, getDocsFile: file };
};
