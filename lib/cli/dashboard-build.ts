import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { messageOf } from "../core/reason.ts";
import { say } from "./terminal.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** In a checkout the dashboard is built when its sources have changed; a package and an image bring it built. */
export const prepareDashboard = async (): Promise<void> => {
  const build = at("dashboard/build.mjs");
  if (!existsSync(build)) return;
  try {
    const { buildDashboardIfChanged } = (await import(build)) as {
      buildDashboardIfChanged: (outdir: string) => Promise<void>;
    };
    await buildDashboardIfChanged(at(".build/dashboard"));
  } catch (error) {
    say(`The dashboard could not be built: ${messageOf(error)}`);
  }
};
