/**
 * A client of Lambda's Runtime API, as small as it can be: the entry of an environment's process.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
import { existsSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

type Handler = (event: unknown, context: unknown) => Promise<unknown>;
interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const variable = (name: string): string => process.env[name] ?? "";
const [host, port] = variable("AWS_LAMBDA_RUNTIME_API").split(":");
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "";

const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host, port, agent, method, path: `/2018-06-01/runtime/${path}` }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, text: Buffer.concat(parts).toString() }));
    });
    sent.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });

const errorOf = (error: unknown) => {
  const { name, message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  return { errorType: name, errorMessage: message, trace: stack.split("\n") };
};

/** What is logged through the console gets the runtime's own form, as text or as JSON. */
for (const level of ["debug", "info", "warn", "error", "log"] as const)
  console[level] = (...values: unknown[]) => {
    const name = level === "log" ? "INFO" : level.toUpperCase();
    const [timestamp, message] = [new Date().toISOString(), values.map(String).join(" ")];
    const asJson = variable("AWS_LAMBDA_LOG_FORMAT") === "JSON";
    process.stdout.write(
      `${asJson ? JSON.stringify({ timestamp, level: name, requestId, message }) : `${timestamp}\t${requestId}\t${name}\t${message}`}\n`,
    );
  };

const load = async (): Promise<Handler> => {
  const [, path = "", name = ""] = /^(.*)\.([^.]+)$/.exec(variable("_HANDLER")) ?? [];
  const file = join(variable("LAMBDA_TASK_ROOT"), `${path}.mjs`);
  if (!existsSync(file))
    throw Object.assign(new Error(`Cannot find module '${path}'`), { name: "Runtime.ImportModuleError" });
  return ((await import(pathToFileURL(file).href)) as Record<string, Handler>)[name]!;
};

const serve = async (handler: Handler): Promise<void> => {
  const { headers, text } = await ask("GET", "invocation/next");
  requestId = String(headers["lambda-runtime-aws-request-id"]);
  const deadlineMs = Number(headers["lambda-runtime-deadline-ms"]);
  const context = {
    functionName: variable("AWS_LAMBDA_FUNCTION_NAME"),
    functionVersion: "$LATEST",
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    memoryLimitInMB: variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    awsRequestId: requestId,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
  try {
    await ask("POST", `invocation/${requestId}/response`, (await handler(JSON.parse(text), context)) ?? null);
  } catch (error) {
    console.error(`Invoke Error ${JSON.stringify(errorOf(error))}`);
    await ask("POST", `invocation/${requestId}/error`, errorOf(error));
  }
};

try {
  const handler = await load();
  for (;;) await serve(handler);
} catch (error) {
  await ask("POST", "init/error", errorOf(error));
  process.exit(1);
}
