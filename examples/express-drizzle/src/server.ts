/** The service: its own routes, and ForgeQ's API and dashboard below /queue. */
import express from "express";
import { enqueue } from "forgeq";
import { createForgeq } from "forgeq/server";
import { account, db } from "./database.ts";
import { forDrizzle } from "./for-drizzle.ts";
import { welcome } from "./jobs/welcome/job.ts";

const forgeq = createForgeq({ jobs: [welcome], basePath: "/queue" });

const app = express();
// Before the parser of bodies, because it reads its own.
app.use("/queue", forgeq.listener);
app.use(express.json());

app.post("/accounts", async (request, response) => {
  const { email } = request.body as { email: string };
  const job = await db.transaction(async (tx) => {
    await tx.insert(account).values({ email });
    return enqueue(forDrizzle(tx), welcome, { email });
  });
  // After the commit: workers that listen start it now, and others within seconds.
  await job.wake();
  response.status(201).json({ email, job: job.id });
});

const server = app.listen(Number(process.env["PORT"] ?? 3000), () => {
  const address = server.address();
  console.log(`The service is on http://localhost:${typeof address === "object" ? address?.port : ""}`);
});
process.once("SIGTERM", () => server.close(() => process.exit(0)));
