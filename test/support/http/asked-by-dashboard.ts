/** Which reads of the HTTP API the dashboard's code asks for. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../cli/cli.ts";

/** A path without what differs from one job to the next. */
export const shapeOf = (path: string): string => {
  const [at = "", query = ""] = path.replaceAll(/\$\{[^}]*\}/g, "*").split("?");
  const names = query.split("&").flatMap((each) => (/^\w+=/.test(each) ? [each.replace(/=.*/, "")] : []));
  return `${at}?${names.sort().join("&")}`;
};

/** What the dashboard's code asks for: path and names of parameters, with a star where the code fills something in. */
export const askedByDashboard = (): readonly string[] => {
  const files = globSync("dashboard/{pages,parts,state}/*.{ts,tsx}", { cwd: ROOT });
  const routes = "overview|jobs|queues|schedules|stats|errors|leases|workers|types|keys|me|session";
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    return [...text.matchAll(new RegExp(`["\`]((?:${routes})(?:[/?][^"\`]*)?)["\`]`, "g"))].map(([, path = ""]) =>
      shapeOf(`/${path}`),
    );
  });
};
