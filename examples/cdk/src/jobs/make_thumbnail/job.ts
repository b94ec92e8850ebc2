import { defineJob } from "forgeq/job";
import * as z from "zod";

/** Makes the thumbnail of an image in the bucket. */
export const makeThumbnail = defineJob({
  type: "make_thumbnail",
  timeoutSeconds: 60,
  payload: z.object({ key: z.string().min(1), width: z.int().min(16).max(1024).default(200) }),
});
