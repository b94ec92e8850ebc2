import { setting } from "../../../lib/runtime.ts";

/**
 * FORGEQ_REPORTS: a folder, or `s3://bucket/prefix`. Unless set it is the folder `reports` of FORGEQ_DIR, where a local run
 * keeps its files: `.forgeq/reports`.
 */
export const reportsPlace = (): string => setting("FORGEQ_REPORTS") ?? `${setting("FORGEQ_DIR") ?? ".forgeq"}/reports`;
