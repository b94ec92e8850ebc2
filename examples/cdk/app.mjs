import { App, aws_s3, CfnOutput, Stack } from "aws-cdk-lib";
import { ForgeQ } from "forgeq/cdk";

const app = new App({ outdir: "cdk.out" });
const stack = new Stack(app, "gallery");

// The stack's own resource, and the jobs beside it.
const images = new aws_s3.Bucket(stack, "Images", { enforceSSL: true });
const jobs = new ForgeQ(stack, "Jobs", {
  service: "gallery",
  stage: "dev",
  parameters: { basePath: "/queue" },
  handlers: { make_thumbnail: { memorySize: 1024, environment: { IMAGES: images.bucketName } } },
});
images.grantReadWrite(jobs.handler("make_thumbnail"));

new CfnOutput(stack, "QueueUrl", { value: jobs.url });
app.synth();
