import { expect, it } from "vitest";
import { crawlPage } from "../../functions/handlers/crawl_page/job.ts";
import { generateReport } from "../../functions/handlers/generate_report/job.ts";
import { sendEmail } from "../../functions/handlers/send_email/job.ts";
import { queues } from "../../functions/queues.ts";

it("limits the queues that the types use, each once", () => {
  const used = [sendEmail, crawlPage, generateReport].map(({ queue }) => queue);
  expect(queues.map(({ name }) => name).sort()).toEqual(used.sort());
});
