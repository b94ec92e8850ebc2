// Run with --expose-gc: each client of AWS asks a server that does not answer in full, while garbage is collected all the time.
// Prints the name of each client that ends.
import { createInvoker } from "../../../lib/aws/invoke.ts";
import { putS3Object } from "../../../lib/aws/s3-put.ts";
import { createArmer } from "../../../lib/aws/scheduler.ts";
import { getParameter } from "../../../lib/aws/ssm.ts";

const [, , endpoint = ""] = process.argv;
const credentials = () => ({ accessKeyId: "a", secretAccessKey: "b" });
const access = { region: "eu-central-1", credentials, endpoint };
setInterval(() => gc?.(), 20).unref();

const clients: Record<string, () => Promise<unknown>> = {
  invoke: () => createInvoker(access).invoke("f", {}),
  scheduler: () => createArmer({ ...access, group: "g", targetArn: "a", roleArn: "r" }).arm(Date.now()),
  ssm: () => getParameter("/x", access),
  s3: () =>
    putS3Object({
      ...access,
      bucket: "bucket",
      key: "key",
      body: Buffer.from("x"),
      contentType: "text/plain",
      signal: AbortSignal.timeout(1_000),
    }),
};

await Promise.all(
  Object.entries(clients).map(async ([name, ask]) => {
    await ask().catch(() => undefined);
    console.log(name);
  }),
);
process.exit(0);
