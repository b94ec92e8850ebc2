/** The web dashboard, which dashboard/build.mjs makes. */
import type { dashboardOperations } from "./operations/dashboard.ts";
import type { Servers } from "./serve.ts";
import { fileServer, type Files } from "./static-files.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
];

/** What serves the dashboard. */
export const dashboardServers = (read?: () => Promise<Files>): Servers<typeof dashboardOperations> => {
  const { page, file } = fileServer({
    folder: "dashboard",
    policy: POLICY,
    missing: "The dashboard was not built",
    read,
  });
  return {
    getDashboard: page,
    // Relative, because what a proxy takes away before the path is not known here.
    getDashboardSlash: ({ query }) => {
      const search = new URLSearchParams(query as Record<string, string>).toString();
      const location = `../dashboard${search === "" ? "" : `?${search}`}`;
      return Promise.resolve({ status: 308, headers: { location, "content-type": "text/plain" }, body: "" });
    },
    getDashboardFile: file,
  };
};
