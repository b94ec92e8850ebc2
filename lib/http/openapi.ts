import * as z from "zod";
import type { JobDefinition } from "../core/job.ts";
import * as answers from "./answers.ts";
import type { Operation } from "./operation.ts";
import { type NamedOperation, operations } from "./operations.ts";
import { type ProblemCode, statusOf } from "./problem.ts";
import { batchBody, enqueueBody, MAX_BATCH } from "./schemas.ts";

type Json = Record<string, unknown>;

const schemaOf = (schema: z.ZodType, io: "input" | "output"): Json => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return json;
};

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

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

const payloadName = (type: string): string => `payload.${type}`;

const NOTES: Json = {
  payload: "What the type's handler gets; the schemas named payload.* say what each type takes.",
  id:
    "Of your own, so that the same request sent twice stores one job: a UUID of version 7, made between 30 days ago and an hour ahead. " +
    "forgeq.id_of(key, made_at) makes one.",
  queue: "The type's unless given.",
  priority: "Lower first.",
  unique_key: "At most one live job per type and key.",
  run_at: "At most ten years ahead; a past instant is due.",
  delay_seconds: "Instead of run_at.",
};

/** The envelope, and for each type what its payload is. */
const newJob = (definitions: readonly JobDefinition[]): Json => {
  const { properties, ...envelope } = schemaOf(enqueueBody, "input") as { properties: Record<string, Json> };
  return {
    ...envelope,
    required: ["type", "payload"],
    properties: Object.fromEntries(
      Object.entries({ ...properties, metadata: { type: "object" } }).map(([name, schema]) => [
        name,
        name in NOTES ? { ...schema, description: NOTES[name] } : schema,
      ]),
    ),
    anyOf: definitions.map(({ type }) => ({
      type: "object",
      required: ["type", "payload"],
      properties: { type: { const: type }, payload: ref(payloadName(type)) },
    })),
  };
};

const NEW_BATCH: Json = {
  type: "object",
  required: ["jobs"],
  additionalProperties: false,
  properties: { jobs: { type: "array", minItems: 1, maxItems: MAX_BATCH, items: ref("NewJob") } },
};

const bodySchema = (schema: z.ZodType): Json => {
  const name = NAMED_BODIES.get(schema);
  return name === undefined ? schemaOf(schema, "input") : ref(name);
};

const json = (schema: Json, type = "application/json"): Json => ({ content: { [type]: { schema } } });

const parametersOf = ({ path, query }: Operation): Json[] => {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  if (query === undefined) return inPath;
  const { properties } = schemaOf(query, "input") as { properties: Record<string, Json> };
  return [...inPath, ...Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }))];
};

const WITH_KEY: readonly ProblemCode[] = [
  "unauthorized",
  "forbidden",
  "rate_limited",
  "database_unavailable",
  "schema_outdated",
  "secrets_unavailable",
  "too_slow",
  // Whatever takes a key also refuses a query that it does not know.
  "invalid_query",
];
const WITH_BODY: readonly ProblemCode[] = [
  "busy",
  "request_timeout",
  "malformed_json",
  "payload_too_large",
  "unsupported_media_type",
];

const errorsOf = ({ errors, scopes, anyKey, body }: Operation): Record<string, Json> => {
  const codes = new Set<ProblemCode>([
    ...errors,
    body?.refusal.code ?? "invalid_body",
    ...(scopes.length === 0 && anyKey !== true ? [] : WITH_KEY),
    ...WITH_BODY,
    "internal",
  ]);
  const byStatus = Object.groupBy(codes, (code) => String(statusOf(code)));
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, of = []]) => [
      status,
      { description: of.join(", "), ...json(ref("Problem"), "application/problem+json") },
    ]),
  );
};

const describe = (operation: NamedOperation): Json => {
  const { id, tag, summary, scopes, anyKey, body } = operation;
  const answered = Object.entries(operation.answers).map(([status, { description, schema, contentType }]) => [
    status,
    {
      description,
      ...(status === "201" && operation.path === "/jobs" && { headers: { location: { schema: { type: "string" } } } }),
      ...(contentType === undefined
        ? json(schema === undefined ? { type: "object" } : ref(nameOf(schema)))
        : json({ type: "string" }, contentType)),
    },
  ]);
  return {
    operationId: id,
    tags: [tag],
    summary,
    parameters: parametersOf(operation),
    ...(body !== undefined && {
      requestBody: { required: body.optional !== true, ...json(bodySchema(body.schema)) },
    }),
    responses: { ...errorsOf(operation), ...Object.fromEntries(answered) },
    security: scopes.length === 0 && anyKey !== true ? [] : [{ key: scopes }],
  };
};

/**
 * The API as an OpenAPI 3.1 document, made from the schemas that check requests.
 *
 * @param definitions - the job types that can be enqueued
 */
export const openapiDocument = (definitions: readonly JobDefinition[]): Json => {
  const paths: Record<string, Json> = {};
  for (const operation of operations)
    (paths[operation.path] ??= {})[operation.method.toLowerCase()] = describe(operation);
  const schemas: Record<string, Json> = Object.fromEntries(
    Object.entries(answers).map(([name, schema]) => [nameOf(name as keyof typeof answers), schemaOf(schema, "output")]),
  );
  for (const { type, payload } of definitions) schemas[payloadName(type)] = schemaOf(payload, "input");
  return {
    openapi: "3.1.0",
    info: {
      title: "ForgeQ",
      version: "1",
      description: "Jobs in Postgres, run on Lambda. Errors: RFC 9457 with a stable code.",
    },
    paths,
    components: {
      schemas: { ...schemas, NewJob: newJob(definitions), NewBatch: NEW_BATCH },
      securitySchemes: { key: { type: "http", scheme: "bearer", description: "An API key with the scope." } },
    },
  };
};
