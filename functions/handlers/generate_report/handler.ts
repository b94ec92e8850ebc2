import { parseS3Location } from "../../../lib/aws/s3-put.ts";
import { lambdaHandler } from "../../../lib/job.ts";
import { awsAccess, runtime } from "../../../lib/runtime.ts";
import { generateReport } from "./job.ts";
import { report } from "./report.ts";
import { reportsPlace } from "./settings.ts";
import { folderStore, s3Store } from "./store.ts";

const configuredStore = () => {
  const place = reportsPlace();
  const location = parseS3Location(place);
  return location ? s3Store(location, awsAccess("s3")) : folderStore(place);
};

export const handler = lambdaHandler(generateReport, async (payload, job) => {
  const { db } = await runtime().deps();
  return report({ db, store: configuredStore() }, payload, job);
});
