import { parseS3Location } from "../../../lib/aws/s3-put.ts";
import { lambdaHandler } from "../../../lib/job.ts";
import { runtime, settings } from "../../../lib/runtime.ts";
import { generateReport } from "./job.ts";
import { report } from "./report.ts";
import { folderStore, s3Store } from "./store.ts";

export const handler = lambdaHandler(generateReport, async (payload, job) => {
  const { reports, aws } = settings();
  const location = parseS3Location(reports);
  const store = location ? s3Store(location, aws()) : folderStore(reports);
  const { db } = await runtime().deps();
  return report({ db, store }, payload, job);
});
