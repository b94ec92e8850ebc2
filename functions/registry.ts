// Made by esbuild.config.mjs from the folders of functions/handlers. Do not edit.
import { crawlPage } from "./handlers/crawl_page/job.ts";
import { generateReport } from "./handlers/generate_report/job.ts";
import { sendEmail } from "./handlers/send_email/job.ts";

/** Every job type of this project. */
export const jobs = [crawlPage, generateReport, sendEmail] as const;
