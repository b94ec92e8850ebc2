import * as z from "zod";

type Json = Record<string, unknown>;

interface Answered {
  readonly content: Readonly<Record<string, { readonly schema: Json }>>;
}

export interface Described {
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: Answered;
  readonly responses: Readonly<Record<string, Answered & { readonly description: string; readonly headers?: Json }>>;
  readonly security: readonly Json[];
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

const relocated = <Value>(value: Value): Value =>
  JSON.parse(JSON.stringify(value).replaceAll("#/components/schemas/", "#/$defs/")) as Value;

/** What is wrong with a document by a schema of the OpenAPI document; empty when nothing is. */
export const violations = (openapi: OpenApi, schema: Json, document: unknown): string[] => {
  const zod = z.fromJSONSchema({ ...relocated(schema), $defs: relocated(openapi.components.schemas) });
  const issues = zod.safeParse(document).error?.issues ?? [];
  return issues.map((issue) => `/${issue.path.join("/")}: ${issue.message}`);
};

/** The operation of a request's method and path. */
export const operationOf = (openapi: OpenApi, method: string, path: string): Described | undefined => {
  const [plain = ""] = path.split("?");
  const matches = (pattern: string) => new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(plain);
  // A path without parameters wins over one that matches with them.
  const [pattern] = Object.keys(openapi.paths)
    .filter(matches)
    .sort((a, b) => Number(a.includes("{")) - Number(b.includes("{")));
  return pattern === undefined ? undefined : openapi.paths[pattern]?.[method.toLowerCase()];
};

/** What is wrong with an answer of the API: a status that is not described, or a body that its schema refuses. */
export const wrongAnswer = (
  openapi: OpenApi,
  request: { readonly method: string; readonly path: string },
  answer: { readonly status: number; readonly body: unknown; readonly type: string },
): string[] => {
  const name = `${request.method} ${request.path}`;
  const described = operationOf(openapi, request.method, request.path);
  if (described === undefined) return [`${name} is not described`];
  const [content] = Object.entries(described.responses[String(answer.status)]?.content ?? {});
  if (content === undefined) return [`${name} does not describe ${answer.status}`];
  const [type, { schema }] = content;
  const wrong = violations(openapi, schema, answer.body).map((each) => `${name} ${answer.status} ${each}`);
  return answer.type.startsWith(type) ? wrong : [...wrong, `${name} answers ${answer.type}`];
};
