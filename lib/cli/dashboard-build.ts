import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/reason.ts";
import { say } from "./terminal.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Where a checkout has what builds the pages, how that is called, and where they go. */
const PAGES = [
  { source: "dashboard/build.mjs", name: "buildDashboardIfChanged", built: ".build/dashboard" },
  { source: "dashboard/reference/build.mjs", name: "buildReferenceIfChanged", built: ".build/reference" },
] as const;

/** In a checkout the dashboard and the page of the API are built when their sources have changed; a package and an image bring them built. */
export const prepareDashboard = async (): Promise<void> => {
  for (const { source, name, built } of PAGES) {
    const build = at(source);
    if (!existsSync(build)) continue;
    try {
      const module = (await import(build)) as Record<typeof name, (outdir: string) => Promise<void>>;
      await module[name](at(built));
    } catch (error) {
      say(`${source} failed: ${messageOf(error)}`);
    }
  }
};
