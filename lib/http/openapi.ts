import * as z from "zod";
import type { JobDefinition } from "../core/job.ts";
import { VERSION } from "../core/version.ts";
import * as answers from "./answers.ts";
import { exampleBodies, examplesOfAnswers } from "./examples.ts";
import { type Json, newJobSchemas, ref, schemaOf } from "./openapi-jobs.ts";
import type { Answer } from "./operation.ts";
import { type NamedOperation, operations, TAGS } from "./operations.ts";
import { type ProblemCode, statusOf } from "./problem.ts";
import type { RequestBody } from "./router.ts";
import { batchBody, enqueueBody } from "./job-body.ts";

/** The schemas of answers, each a component. */
const nameOf = (answer: keyof typeof answers): string => {
  const names: Partial<Record<keyof typeof answers, string>> = { wholeJob: "Job", wholeSchedule: "Schedule" };
  return names[answer] ?? answer.charAt(0).toUpperCase() + answer.slice(1);
};

/** Bodies whose schemas depend on the job types. */
const NAMED_BODIES = new Map<z.ZodType, string>([
  [enqueueBody, "NewJob"],
  [batchBody, "NewBatch"],
]);

const bodySchema = (schema: z.ZodType): Json => {
  const name = NAMED_BODIES.get(schema);
  return name === undefined ? schemaOf(schema, "input") : ref(name);
};

const json = (schema: Json, type = "application/json"): Json => ({ content: { [type]: { schema } } });

const inPath = (name = ""): Json => ({
  name,
  in: "path",
  required: true,
  schema: name === "id" ? { type: "string", format: "uuid" } : { type: "string" },
});

/** Parameters whose names end as the caller chooses: an object, whose members are parameters of their own. */
const atPaths = (prefixes: readonly string[]): Json => ({
  name: "paths",
  in: "query",
  style: "form",
  explode: true,
  description: `Each member is a parameter: ${prefixes.map((prefix) => `${prefix}.PATH=VALUE`).join(", ")}.`,
  schema: { type: "object", additionalProperties: { type: "string" } },
});

const IDEMPOTENCY_KEY: Json = {
  name: "Idempotency-Key",
  in: "header",
  description: "Sent again within 24 hours, the same request of the same caller gets the first answer.",
  schema: { type: "string", minLength: 1, maxLength: 200 },
};

const parametersOf = ({ path, query, prefixes = [], takesKey }: NamedOperation): Json[] => {
  const ofPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => inPath(name));
  const { properties = {} } = (query === undefined ? {} : schemaOf(query, "input")) as {
    properties?: Record<string, Json>;
  };
  const named = Object.entries(properties).filter(([name]) => !prefixes.includes(name));
  return [
    ...ofPath,
    ...named.map(([name, { description, ...schema }]) => ({
      name,
      in: "query",
      ...(description !== undefined && { description }),
      schema,
    })),
    ...(prefixes.length === 0 ? [] : [atPaths(prefixes)]),
    ...(takesKey === true ? [IDEMPOTENCY_KEY] : []),
  ];
};

/** Any request may meet these. */
const ALWAYS: readonly ProblemCode[] = ["invalid_query", "internal"];
const WITH_KEY: readonly ProblemCode[] = [
  "unauthorized",
  "forbidden",
  "rate_limited",
  "database_unavailable",
  "schema_outdated",
  "secrets_unavailable",
  "too_slow",
];
/** Also where none is taken: one that comes is looked at. */
const WITH_BODY: readonly ProblemCode[] = [
  "busy",
  "request_timeout",
  "malformed_json",
  "payload_too_large",
  "unsupported_media_type",
];

const WITH_IDEMPOTENCY_KEY: readonly ProblemCode[] = ["idempotency_key_in_use", "idempotency_key_reused"];

const errorsOf = ({ errors, scopes, anyKey, body, takesKey }: NamedOperation): Record<string, Json> => {
  const codes = new Set<ProblemCode>([
    ...errors,
    body?.refusal.code ?? "invalid_body",
    ...(scopes.length === 0 && anyKey !== true ? [] : WITH_KEY),
    ...WITH_BODY,
    ...(takesKey === true ? WITH_IDEMPOTENCY_KEY : []),
    ...ALWAYS,
  ]);
  const byStatus = Object.groupBy([...codes].sort(), (code) => String(statusOf(code)));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, of = []]) => [
      status,
      { description: of.join(", "), ...json(ref("Problem"), "application/problem+json") },
    ]),
  );
};

const LOCATION: Json = {
  location: { description: "The path of what this answer is about.", schema: { type: "string" } },
};
const ETAG: Json = { etag: { description: "For If-None-Match.", schema: { type: "string" } } };

const REPLAYED: Json = {
  "idempotency-replayed": {
    description: "With an Idempotency-Key: an earlier request did the work, and this is its answer.",
    schema: { type: "string", enum: ["true"] },
  },
};

const headersOf = ({ method, takesKey }: NamedOperation, { located }: Answer): Json => ({
  ...(located === true && LOCATION),
  ...(method === "GET" && ETAG),
  ...(takesKey === true && REPLAYED),
});

const answersOf = ({ answers: all, ...operation }: NamedOperation): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(all).map(([status, answer]) => {
      const { description, schema, contentType } = answer;
      const headers = headersOf({ answers: all, ...operation }, answer);
      const content =
        contentType === undefined
          ? json(schema === undefined ? { type: "object", additionalProperties: true } : ref(nameOf(schema)))
          : json({ type: "string" }, contentType);
      return [
        status,
        {
          description,
          ...(Object.keys(headers).length > 0 && { headers }),
          ...(status !== "204" && content),
        },
      ];
    }),
  );

const requestBodyOf = (id: string, { schema, optional }: RequestBody, examples: Json): Json => ({
  required: optional !== true,
  content: {
    "application/json": {
      schema: bodySchema(schema),
      ...(id in examples && { examples: { example: { value: examples[id] } } }),
    },
  },
});

/** In words: what a key needs, and what the log keeps of it. */
const describe = ({ scopes, anyKey, deepScope, audit, summary }: NamedOperation): string => {
  const open = anyKey === true ? "Any key may ask." : "Open without a key.";
  const needs = scopes.length === 0 ? open : `The key needs ${scopes.join(" and ")}.`;
  const deep = deepScope === undefined ? "" : ` With deep=1 it needs ${deepScope}.`;
  return `${summary}. ${needs}${deep}${audit === undefined ? "" : ` The log gets an audit line, ${audit}.`}`;
};

const KEYS: readonly Json[] = [{ key: [] }, { header: [] }];

const operationObject = (operation: NamedOperation, examples: Json): Json => {
  const { id, tag, method, summary, scopes, anyKey, deepScope, body } = operation;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: describe(operation),
    parameters: parametersOf(operation),
    ...(body !== undefined && { requestBody: requestBodyOf(id, body, examples) }),
    responses: {
      ...answersOf(operation),
      ...(200 in operation.answers &&
        method === "GET" && { 304: { description: "Not changed since what If-None-Match names." } }),
      ...errorsOf(operation),
    },
    security: scopes.length > 0 || anyKey === true ? KEYS : deepScope === undefined ? [] : [{}, ...KEYS],
    "x-scopes": scopes,
  };
};

/** They refer to one another where one is part of another. */
const answerSchemas = (): Record<string, Json> => {
  const named = z.registry<{ id: string }>();
  for (const [key, schema] of Object.entries(answers)) named.add(schema, { id: nameOf(key as keyof typeof answers) });
  const uri = (id: string) => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(named, { io: "output", unrepresentable: "any", uri });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: __, ...schema }]) => {
      const example = examplesOfAnswers[name];
      return [name, { ...schema, ...(example !== undefined && { examples: [example] }) }];
    }),
  );
};

/** Those of the document. A redirect is for people who type an address, and for no client. */
export const described: readonly NamedOperation[] = operations.filter(({ answers }) =>
  Object.keys(answers).some((status) => Number(status) < 300),
);

/**
 * The API as an OpenAPI 3.1 document, made from the schemas that check requests. Changes of it are additive.
 *
 * @param definitions - the job types that can be enqueued
 * @param basePath - what comes before the paths
 */
export const openapiDocument = (definitions: readonly JobDefinition[], basePath = ""): Json => {
  const paths: Record<string, Json> = {};
  const examples = exampleBodies(definitions);
  for (const operation of described)
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = operationObject(operation, examples);
  return {
    openapi: "3.1.0",
    info: {
      title: "ForgeQ",
      version: VERSION,
      description: "Jobs in Postgres, run on Lambda. Errors: RFC 9457 with a stable code.",
      license: { name: "MIT", identifier: "MIT" },
      contact: { name: "ForgeQ", url: "https://www.npmjs.com/package/forgeq" },
    },
    servers: [{ url: basePath === "" ? "/" : basePath }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: { ...answerSchemas(), ...newJobSchemas(definitions) },
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "An API key with the operation's x-scopes." },
        header: { type: "apiKey", in: "header", name: "x-api-key", description: "The same key, as it is." },
      },
    },
  };
};
