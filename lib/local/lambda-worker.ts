/** The entry of a local execution environment: loads one function's bundle and runs one invocation at a time for its parent. */
import { pathToFileURL } from "node:url";
import { messageOf } from "../core/reason.ts";

interface Invocation {
  readonly requestId: string;
  readonly event: unknown;
  readonly deadlineMs: number;
}

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const [file] = process.argv.slice(2);
const name = process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "";

const errorOf = (error: unknown) => ({
  errorType: error instanceof Error ? error.name : "Error",
  errorMessage: messageOf(error),
});

// The parent is gone: nobody would hear an answer.
process.on("disconnect", () => process.exit(0));

const { handler } = (await import(pathToFileURL(file!).href)) as { handler: Handler };
process.on("message", ({ requestId, event, deadlineMs }: Invocation) => {
  const context = {
    functionName: name,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${name}`,
    memoryLimitInMB: "256",
    awsRequestId: requestId,
    logGroupName: `/aws/lambda/${name}`,
    logStreamName: "local",
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  void (async () => {
    try {
      const result: unknown = await handler(event, context);
      process.send?.({ requestId, result: result ?? null });
    } catch (error) {
      process.send?.({ requestId, error: errorOf(error) });
    }
  })();
});
process.send?.({ ready: true });
