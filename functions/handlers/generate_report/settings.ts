import { isOnLambda } from "../../../lib/init-phase.ts";
import { setting } from "../../../lib/runtime.ts";

/**
 * FORGEQ_REPORTS: a folder, or `s3://bucket/prefix`. Unless set it is the folder `reports` of FORGEQ_DIR, where a local run
 * keeps its files: `.forgeq/reports`.
 *
 * @throws Error on Lambda, where no folder outlives its environment
 */
export const reportsPlace = (): string => {
  const [given, folder] = [setting("FORGEQ_REPORTS"), setting("FORGEQ_DIR")];
  if (given === undefined && folder === undefined && isOnLambda())
    throw new Error("reports have no place: deploy with --param reports=s3://BUCKET/PREFIX");
  return given ?? `${folder ?? ".forgeq"}/reports`;
};
