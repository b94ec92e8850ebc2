/** Runs the jobs: as many of these processes as are needed. */
import { createWorker } from "forgeq/server";
import { handler } from "./jobs/welcome/handler.ts";

const worker = await createWorker({ handlers: [handler] });
console.log("The worker is ready");
process.once("SIGTERM", () => void worker.stop().then((inOrder) => process.exit(inOrder ? 0 : 1)));
