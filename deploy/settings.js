// The `forgeq` block of serverless.yml: its parameters as they are set, where its bundles are, and what the functions of its job types
// need beyond the others.
import { allow, join, PARTITION } from "../lib/deploy/names.ts";
import { PARAMETERS } from "../lib/deploy/parameters.ts";
import { readSecrets } from "../lib/deploy/roles.ts";

const putReports = (reports) =>
  reports.startsWith("s3://")
    ? [allow("s3:PutObject", join("arn", PARTITION, "s3", "", "", `${reports.slice(5).replace(/\/+$/, "")}/*`))]
    : [];

const settings = async ({ resolveVariable }) => {
  const parameter = async (name) => String(await resolveVariable(`param:${name}`));
  const names = Object.keys(PARAMETERS);
  const values = await Promise.all(names.map(parameter));
  return {
    service: await resolveVariable("self:service"),
    jobs: "functions/handlers",
    build: ".build",
    ...Object.fromEntries(names.map((name, index) => [name, values[index]])),
    handlers: {
      crawl_page: { memorySize: 512 },
      generate_report: { statements: putReports(await parameter("reports")) },
      send_email: { statements: [readSecrets(await parameter("smtpUrlParameter"))] },
    },
  };
};

// The framework loads this file by require, and takes what it gives for the function itself.
export { settings as "module.exports" };
