import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";

type Result = APIGatewayProxyStructuredResultV2;
type Headers = Readonly<Record<string, string | undefined>>;

/** What is asked for, as far as the way out depends on it. Header names are lower-case. */
export interface Asked {
  readonly method: string;
  readonly headers: Headers;
}

export const withHeaders = (result: Result, headers: Record<string, string>): Result => ({
  ...result,
  headers: { ...result.headers, ...headers },
});

export const varyBy = ({ headers = {} }: Result, name: string): string =>
  headers["vary"] === undefined ? name : `${String(headers["vary"])}, ${name}`;
