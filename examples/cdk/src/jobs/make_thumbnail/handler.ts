import { lambdaHandler } from "forgeq/job";
import { makeThumbnail } from "./job.ts";

/** A real gallery reads the image from the bucket `IMAGES` here, and writes the thumbnail beside it. */
export const handler = lambdaHandler(makeThumbnail, async ({ key, width }, job) => {
  job.log.info("makes a thumbnail", { key, width });
  return { thumbnail: `thumbnails/${width}/${key}` };
});
