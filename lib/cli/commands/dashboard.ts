import { type Command, Option } from "commander";
import { optionsOf, withExamples } from "../command.ts";
import type { DashboardOptions } from "../run-dashboard.ts";

export const addDashboard = (program: Command): void => {
  const command = program
    .command("dashboard")
    .description("Open the dashboard of a running server, signed in. Where there is no browser its address is printed.")
    .addOption(
      new Option("--url <url>", "where the server answers; a prefix stays before /dashboard").default(
        "http://127.0.0.1:3000",
      ),
    )
    .option("--key <id>", "sign in with this key of FORGEQ_API_KEYS, instead of the first one that may read jobs")
    .option("--print", "only print the address, which is good for a minute and once for each browser")
    .action(async (_, self: Command) => {
      const { runDashboard } = await import("../run-dashboard.ts");
      await runDashboard(optionsOf<DashboardOptions>(self));
    });
  withExamples(command, [
    ["forgeq dashboard", "of forgeq dev, forgeq server or npm start in this folder"],
    ["forgeq dashboard --url https://jobs.example.com --print", "needs the server's FORGEQ_SECRET and keys"],
  ]);
};
