/** What the factories give, in terms that need no types of others. */
import type { InvocationContext } from "../job.ts";

/** A Lambda function that is invoked asynchronously; its event is ForgeQ's own. */
export type LambdaFunction = (event: unknown, context: InvocationContext) => Promise<unknown>;

/** A Lambda function behind an HTTP API, in API Gateway's payload format 2.0. */
export type HttpFunction = (
  event: unknown,
  context: InvocationContext,
) => Promise<{
  readonly statusCode?: number | undefined;
  readonly headers?: { [name: string]: boolean | number | string } | undefined;
  readonly body?: string | undefined;
  readonly isBase64Encoded?: boolean | undefined;
  readonly cookies?: string[] | undefined;
}>;

/** A function of this shape from one whose events and contexts are typed by what it does with them. */
export const asFunction = <Shape extends LambdaFunction>(handler: unknown): Shape => handler as Shape;
